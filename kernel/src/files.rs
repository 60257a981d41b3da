//! Small files: opened many at a time, and each read whole and folded by the thread that has just read it.
//!
//! What is not small, regular and plain, or not whole, is left to whoever asked.

use crate::fold::{Fold, HandedBack, Part};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, IntoRawFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Descriptor, device and inode, and size.
pub type Opened = (RawFd, (u64, u64), u64);

/// Opens files with these flags, besides those for reading, until they have `enough` bytes. Ends before one
/// that cannot be opened, is not regular, or has more than `largest` bytes.
pub fn open_files(paths: &[OsString], flags: i32, largest: u64, enough: u64) -> Vec<Opened> {
    let mut opened = Vec::with_capacity(paths.len());
    let mut bytes = 0;
    for path in paths {
        if bytes >= enough {
            break;
        }
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let Ok((status, file)) = file.and_then(|file| Ok((file.metadata()?, file))) else { break };
        if !status.is_file() || status.size() > largest {
            break;
        }
        bytes += status.size();
        opened.push((file.into_raw_fd(), (status.dev(), status.ino()), status.size()));
    }
    opened
}

/// A file of which not all lines were folded: bytes of a byte-order mark, and how much was folded of what
/// follows it.
pub type Begun = (usize, Part);

/// Reads files, each with its size, into the buffer, closes and folds them, one after the other: the lines
/// of those that were folded whole. Ends with one whose fold stopped early, see `Fold::fold_part`; or before
/// one that is still open, because there is more to it than lines; or before one without a descriptor.
///
/// # Safety
///
/// The descriptors are open or negative, and the caller closes none of those that are closed here.
pub unsafe fn fold_files(
    fold: &mut Fold,
    files: &[(RawFd, usize)],
    buffer: &mut [u8],
    handed_back: &mut Vec<HandedBack>,
    most: usize,
) -> (Vec<usize>, Option<Begun>) {
    let mut lines = Vec::with_capacity(files.len());
    for &(descriptor, size) in files {
        if descriptor < 0 {
            break;
        }
        // SAFETY: said above; it is closed at most once, and not by an unwinding.
        let file = ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) });
        let Some(bytes) = buffer.get_mut(..size) else { break };
        if file.read_at(bytes, 0).ok() != Some(size) {
            break;
        }
        let mark = match bytes.first() {
            // These begin no compressed file.
            Some(b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n') => 0,
            _ if bytes.starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len(),
            _ => break,
        };
        drop(ManuallyDrop::into_inner(file));
        let part = fold.fold_part(&bytes[mark..], handed_back, most);
        if part.bytes < size - mark || !handed_back.is_empty() {
            return (lines, Some((mark, part)));
        }
        lines.push(part.lines);
    }
    (lines, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    /// Files are opened up to the first that is none; folded up to one that is more than lines, or has
    /// a line that is handed back.
    #[test]
    fn ends_before_what_is_odd() {
        let folder = std::env::temp_dir().join(format!("eventstats-files-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a new folder");
        let write = |name: &str, bytes: &str| {
            let path = folder.join(name);
            std::fs::write(&path, bytes).expect("a file");
            path.into_os_string()
        };
        let line = "{\"type\":\"a\",\"value\":1}\n";
        let paths = [
            write("two", &line.repeat(2)),
            write("mark", &format!("\u{feff}{line}")),
            write("bad", &format!("\u{feff}{line}bad\n{line}")),
            write("foreign", "PK"),
            write("large", &line.repeat(5)),
            folder.clone().into_os_string(),
        ];
        let largest = line.len() as u64 * 4;
        let opened = open_files(&paths, 0, largest, u64::MAX);
        assert_eq!(opened.len(), 4, "the fifth is too large");
        assert!(open_files(&paths[5..], 0, largest, u64::MAX).is_empty());
        assert_eq!(opened[0].2, 2 * line.len() as u64);
        let files: Vec<_> = opened.iter().map(|file| (file.0, file.2 as usize)).collect();
        let mut fold = Fold::new(&Query::of_keys("type", "value"));
        let (mut buffer, mut handed_back) = (vec![0; 1024], Vec::new());
        let mut next = |files: &[(RawFd, usize)], handed_back: &mut Vec<HandedBack>| {
            // SAFETY: they were opened here, and none is used again.
            unsafe { fold_files(&mut fold, files, &mut buffer, handed_back, 1) }
        };
        let (lines, begun) = next(&files, &mut handed_back);
        assert_eq!(
            (lines, begun.map(|(mark, part)| (mark, part.lines))),
            (vec![2, 1], Some((3, 2)))
        );
        assert_eq!(handed_back, [HandedBack { line: 1, start: line.len(), end: line.len() + 3 }]);
        handed_back.clear();
        assert_eq!(next(&files[3..], &mut handed_back), (vec![], None));
        assert_eq!(next(&[(-1, 0)], &mut handed_back), (vec![], None));
        std::fs::remove_dir_all(folder).expect("nobody else removes it");
    }
}
