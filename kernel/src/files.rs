//! Small files: opened many at a time, and read whole, one behind the other.
//!
//! What is not small, regular and plain, or not whole, is left to whoever asked.

use crate::fold::Level;
use crate::wide::{Portable, Task, Wide};
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

/// Where the lines begin in the buffer and end, the bytes of the byte-order mark before them, and the lines.
pub type Read = (usize, usize, usize, usize);

/// Reads and closes files, each with its size, one behind the other; a last line gets its newline. Ends
/// before one for which there is no room, or which has no descriptor, is empty, not certainly plain, or became
/// shorter; it stays open.
///
/// # Safety
///
/// The descriptors are open or negative, and the caller closes none of those that are closed here.
pub unsafe fn read_files(files: &[(RawFd, usize)], buffer: &mut [u8]) -> Vec<Read> {
    let level = Level::fastest();
    let mut read = Vec::with_capacity(files.len());
    let mut at = 0;
    for &(descriptor, size) in files {
        if descriptor < 0 || at + size >= buffer.len() {
            break;
        }
        // SAFETY: said above.
        let file = ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) });
        let bytes = &mut buffer[at..at + size];
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
        let newlines = Newlines(bytes);
        let mut lines = match level {
            Level::Portable => Portable.apart(newlines),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(wide) => wide.apart(newlines),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(wide) => wide.apart(newlines),
        };
        let is_unfinished = size > mark && !bytes.ends_with(b"\n");
        bytes.copy_within(mark.., 0);
        let (start, mut end) = (at, at + size - mark);
        if is_unfinished {
            buffer[end] = b'\n';
            end += 1;
            lines += 1;
        }
        read.push((start, end, mark, lines));
        at = end;
    }
    read
}

/// Counts the lines that end in some bytes.
struct Newlines<'a>(&'a [u8]);

impl<W: Wide> Task<W> for Newlines<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self, wide: W) -> usize {
        let (chunks, rest) = self.0.as_chunks();
        let ends = |chunk| wide.equal(wide.load(chunk), b'\n').count_ones() as usize;
        chunks.iter().map(ends).sum::<usize>() + rest.iter().filter(|&&byte| byte == b'\n').count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files are opened up to the first that is none, and read up to one that is more than lines.
    #[test]
    fn ends_before_what_is_odd() {
        let folder = std::env::temp_dir().join(format!("eventstats-files-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a new folder");
        let write = |name: &str, bytes: &str| {
            let path = folder.join(name);
            std::fs::write(&path, bytes).expect("a file");
            path.into_os_string()
        };
        let paths = [
            write("two", "{\n{\n"),
            write("unfinished", "\u{feff}{\n["),
            write("mark", "\u{feff}"),
            write("foreign", "PK"),
            write("large", "{\n{\n{\n{\n{\n"),
            folder.clone().into_os_string(),
        ];
        let opened = open_files(&paths, 0, 9, u64::MAX);
        assert_eq!(opened.len(), 4, "the fifth is too large");
        assert!(open_files(&paths[5..], 0, u64::MAX, u64::MAX).is_empty());
        assert_eq!(opened[0].2, 4);
        let files: Vec<_> = opened.iter().map(|file| (file.0, file.2 as usize)).collect();
        let mut buffer = [0; 20];
        // SAFETY: they were opened here, and those that are read are not used again.
        let mut next = |files: &[(RawFd, usize)]| unsafe { read_files(files, &mut buffer) };
        assert_eq!(next(&files), [(0, 4, 0, 2), (4, 8, 3, 2), (8, 8, 3, 0)]);
        assert_eq!(next(&files[3..]), []);
        assert_eq!(next(&[(-1, 0)]), []);
        assert_eq!(&buffer[..2], b"PK", "it was read in vain");
        assert_eq!(&buffer[2..8], b"{\n{\n[\n");
        std::fs::remove_dir_all(folder).expect("nobody else removes it");
    }
}
