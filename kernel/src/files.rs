//! Small files, many at a time: listed, opened, and read whole, one after the other.
//!
//! What is not small, regular and plain, or not whole, is left to whoever asked. Columns come out,
//! not a tuple for each file: for very many files, those would be what they cost.

use crate::fold::{Fold, HandedBack, Part};
use crate::wide::{Level, Task, Wide};
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The names in a directory in the order of their bytes, a letter for the kind of each (regular file,
/// directory, link, or other), and its inode, as far as the directory knows.
pub fn list_directory(path: &Path) -> io::Result<(Vec<OsString>, String, Vec<u64>)> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let letter = match kind {
            _ if kind.is_file() => 'f',
            _ if kind.is_dir() => 'd',
            _ if kind.is_symlink() => 'l',
            _ => 'o',
        };
        let name = entry.file_name();
        entries.push((beginning(&name), name, letter, entry.ino()));
    }
    entries.sort_unstable();
    Ok(entries.into_iter().map(|(_, name, letter, inode)| (name, letter, inode)).collect())
}

/// The first bytes of a name as a number: most names are in the order of these.
fn beginning(name: &OsStr) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name.as_bytes()).for_each(|(first, &byte)| *first = byte);
    u64::from_be_bytes(bytes)
}

/// Files of a device, each with its inode, by which it is known again.
pub struct Known<'a, P> {
    pub paths: &'a [P],
    pub device: u64,
    pub inodes: &'a [u64],
    /// They are opened with these besides those for reading.
    pub flags: i32,
}

impl<P> Known<'_, P> {
    fn from(&self, index: usize) -> Self {
        Self { paths: &self.paths[index..], inodes: &self.inodes[index..], ..*self }
    }
}

/// Where the lines begin in the buffer and end, the bytes of the byte-order mark before them, the
/// lines, and the bytes of the file.
pub type Read = (Vec<usize>, Vec<usize>, Vec<usize>, Vec<usize>, Vec<usize>);

/// Files that were folded whole: the lines of each and its bytes. After them, files that are in the
/// buffer, of which only a part was folded, or lines were handed back.
#[derive(Default)]
pub struct Folded {
    pub lines: Vec<usize>,
    pub sizes: Vec<usize>,
    pub read: Read,
    pub part: Option<Part>,
    pub handed_back: Vec<HandedBack>,
}

/// Reads files into the buffer and folds them, until there is more to be done with some, or with the
/// next one. With `once`, the first that make `enough` bytes are left in the buffer in any case. The
/// rest is described at `read_files`, and of `Fold::fold_part`.
pub fn fold_files(
    fold: &mut Fold,
    files: Known<impl AsRef<Path>>,
    buffer: &mut [u8],
    enough: usize,
    most: usize,
    once: bool,
) -> Folded {
    let mut folded = Folded::default();
    let level = fold.level();
    loop {
        let read = read_files(level, files.from(folded.lines.len()), buffer, enough);
        let Some(&end) = read.1.last() else { return folded };
        let part = fold.fold_part(&buffer[..end], &mut folded.handed_back, most);
        if once || part.bytes < end || !folded.handed_back.is_empty() {
            return Folded { read, part: Some(part), ..folded };
        }
        folded.lines.extend(read.3);
        folded.sizes.extend(read.4);
    }
}

/// Reads files, one after the other, until they
/// have `enough` bytes; a last line gets its newline. Ends before one for which there is no room, or
/// which cannot be opened, has another inode, is empty, not certainly plain, or became shorter.
pub fn read_files(
    level: Level,
    files: Known<impl AsRef<Path>>,
    buffer: &mut [u8],
    enough: usize,
) -> Read {
    let mut read = Read::default();
    let mut at = 0;
    for (path, &inode) in files.paths.iter().zip(files.inodes) {
        if at >= enough {
            break;
        }
        let room = &mut buffer[at..];
        let Some(bytes) = read_file(path.as_ref(), files.device, inode, files.flags, room) else {
            break;
        };
        let size = bytes.len();
        let mark = match bytes.first() {
            Some(0xef) if bytes.starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len(),
            // These begin no compressed file.
            Some(b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n' | 0xef) => 0,
            _ => break,
        };
        let newlines = Newlines(bytes);
        let mut lines = level.run(newlines);
        let is_unfinished = size > mark && !bytes.ends_with(b"\n");
        if mark > 0 {
            bytes.copy_within(mark.., 0);
        }
        let (start, mut end) = (at, at + size - mark);
        if is_unfinished {
            buffer[end] = b'\n';
            end += 1;
            lines += 1;
        }
        read.0.push(start);
        read.1.push(end);
        read.2.push(mark);
        read.3.push(lines);
        read.4.push(size);
        at = end;
    }
    read
}

/// Reads the file with this inode; leaves room for a newline.
fn read_file<'a>(
    path: &Path,
    device: u64,
    inode: u64,
    flags: i32,
    buffer: &'a mut [u8],
) -> Option<&'a mut [u8]> {
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let status = file.metadata().ok()?;
    if !status.is_file() || (status.dev(), status.ino()) != (device, inode) {
        return None;
    }
    let size = usize::try_from(status.size()).ok().filter(|&size| size < buffer.len())?;
    let bytes = &mut buffer[..size];
    (file.read_at(bytes, 0).ok()? == size).then_some(bytes)
}

/// Counts the lines that end in some bytes.
struct Newlines<'a>(&'a [u8]);

impl Task for Newlines<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> usize {
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
        let status = |path: &OsStr| fs::symlink_metadata(path).expect("it is there");
        let device = status(&paths[0]).dev();
        let inodes: Vec<u64> = paths.iter().map(|path| status(path).ino()).collect();
        let files = Known { paths: &paths, device, inodes: &inodes, flags: 0 };
        let mut buffer = [0; 20];
        let mut next =
            |from: usize| read_files(Level::fastest(), files.from(from), &mut buffer, 99);
        let expected = (vec![0, 4, 8], vec![4, 8, 8], vec![0, 3, 3], vec![2, 2, 0], vec![4, 6, 3]);
        assert_eq!(next(0), expected);
        assert_eq!(next(3), Read::default());
        assert_eq!(&buffer[..2], b"PK", "it was read in vain");
        assert_eq!(&buffer[2..8], b"{\n{\n[\n");
        assert_eq!(
            read_files(Level::fastest(), files.from(0), &mut buffer[..4], 99),
            Read::default(),
            "no room"
        );
        let others = Known { inodes: &inodes[1..], ..files };
        assert_eq!(
            read_files(Level::fastest(), others, &mut buffer, 99),
            Read::default(),
            "another file"
        );
        let elsewhere = Known { device: device + 1, ..files };
        assert_eq!(
            read_files(Level::fastest(), elsewhere, &mut buffer, 99),
            Read::default(),
            "another device"
        );
        std::os::unix::fs::symlink("two", folder.join("link")).expect("a link");
        fs::create_dir(folder.join("folder")).expect("a folder");
        let (names, kinds, inodes) = list_directory(&folder).expect("it can be listed");
        let expected = ["folder", "foreign", "large", "link", "mark", "two", "unfinished"];
        assert_eq!(
            (names.as_slice(), kinds.as_str()),
            (&expected.map(OsString::from)[..], "dfflfff")
        );
        let own = names.iter().map(|name| status(folder.join(name).as_os_str()).ino());
        assert_eq!(inodes, own.collect::<Vec<_>>());
        assert!(list_directory(&folder.join("two")).is_err());
        std::fs::remove_dir_all(folder).expect("nobody else removes it");
    }
}
