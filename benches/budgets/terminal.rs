//! A terminal of this process for a program that is measured.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use rustix::{
    pty::{self, OpenptFlags},
    termios::{Winsize, tcsetwinsize},
};

/// Our end of a new terminal of so many columns and rows; the other end becomes the command's input and output.
pub fn open(command: &mut Command, (columns, rows): (u16, u16)) -> File {
    let ours = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    pty::grantpt(&ours).unwrap();
    pty::unlockpt(&ours).unwrap();
    let name = pty::ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let size = Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&theirs, size).unwrap();
    let end = || Stdio::from(theirs.try_clone().unwrap());
    command
        .env("TERM", "xterm-256color")
        .stdin(end())
        .stdout(end())
        .stderr(end());
    File::from(ours)
}
