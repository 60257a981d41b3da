//! The command `eventstats` on Linux, where a Rust toolchain was at hand: it blocks the signals of which Python, while it
//! starts, would make a traceback or its end, and becomes the script `eventstats-python` beside it, which lets them in
//! as soon as it has settled what they do. Without Rust that script is the command itself.
//!
//! No runtime, no dependencies: measured, it takes half a millisecond.

#![no_main]

use std::ffi::{c_char, c_int, c_void};

extern "C" {
    fn execv(path: *const c_char, arguments: *const *const c_char) -> c_int;
    fn readlink(path: *const c_char, buffer: *mut c_char, size: usize) -> isize;
    fn sigaddset(set: *mut c_void, number: c_int) -> c_int;
    fn sigemptyset(set: *mut c_void) -> c_int;
    fn sigprocmask(how: c_int, set: *const c_void, earlier: *mut c_void) -> c_int;
    fn write(descriptor: c_int, data: *const c_void, size: usize) -> isize;
}

const SIG_BLOCK: c_int = 0;
const SIGINT: c_int = 2;
const SIGUSR1: c_int = 10;

const SCRIPT: &[u8] = b"eventstats-python\0";
const LONGEST: usize = 4096;

/// A set of signals; 128 bytes are what the C libraries of Linux take at most.
#[repr(C, align(16))]
struct Signals([u8; 128]);

#[no_mangle]
pub extern "C" fn main(_count: c_int, arguments: *const *const c_char) -> c_int {
    let mut signals = Signals([0; 128]);
    let set = (&raw mut signals).cast::<c_void>();
    let mut path = [0_u8; LONGEST + SCRIPT.len()];
    // SAFETY: all pointers are to what lives here or was given by the system, and of the sizes that are told.
    unsafe {
        sigemptyset(set);
        sigaddset(set, SIGINT);
        sigaddset(set, SIGUSR1);
        sigprocmask(SIG_BLOCK, set, std::ptr::null_mut());
        let length = readlink(c"/proc/self/exe".as_ptr(), path.as_mut_ptr().cast(), LONGEST);
        let folder = path[..length.max(0) as usize].iter().rposition(|&byte| byte == b'/');
        if let Some(slash) = folder {
            path[slash + 1..=slash + SCRIPT.len()].copy_from_slice(SCRIPT);
            execv(path.as_ptr().cast(), arguments);
        }
        let message =
            b"eventstats: eventstats-python, beside it, or its interpreter cannot be run\n";
        write(2, message.as_ptr().cast(), message.len());
    }
    // As a shell says of a command that it finds and cannot run.
    126
}
