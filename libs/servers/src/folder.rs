//! A folder that is removed, with every process that lives in it, however its owner ends.
//!
//! A guard that is dropped does not run when its process is killed. So a shell is kept beside it, which waits for the end of
//! its standard input: the owner holds the other end and never writes to it. When the owner drops the folder, ends, panics
//! or is killed, the shell reads the end, kills what the files `*.pid` name, and removes the folder.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

/// `$1` is the folder. PostgreSQL is asked to quit, so that it gives back its shared memory; what does not is killed.
const KEEPER: &str = r#"
trap '' INT TERM HUP QUIT
while read -r _; do :; done
cd / || exit 1
each() {
    for file in "$1"/*.pid; do
        [ -f "$file" ] || continue
        read -r pid < "$file" || continue
        case "$file:$2" in
            */postgres.pid:QUIT | *:KILL | *:0) kill -s "$2" "$pid" 2> /dev/null && alive=yes ;;
            *) kill -s KILL "$pid" 2> /dev/null ;;
        esac
    done
}
each "$1" QUIT
tries=0
while [ "$tries" -lt 50 ]; do
    alive=no
    each "$1" 0
    [ "$alive" = yes ] || break
    tries=$((tries + 1))
    sleep 0.1
done
each "$1" KILL
rm -rf "$1"
[ ! -e "$1" ] || { sleep 0.5; rm -rf "$1"; }
"#;

/// A private folder below the system's one for temporary files.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    keeper: Child,
}

impl Folder {
    /// Makes one, readable by its owner alone.
    ///
    /// # Errors
    /// It cannot be made, or there is no shell.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("callsheet-").tempdir()?;
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start a shell")?;
        Ok(Self { path: folder.keep(), keeper })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes a process that must not outlive the folder.
    pub(crate) fn note(path: &Path, name: &str, process: u32) -> Result<()> {
        Ok(fs::write(path.join(format!("{name}.pid")), format!("{process}\n"))?)
    }

    /// Forgets a process that has ended: its number may soon be somebody else's.
    pub(crate) fn forget(path: &Path, name: &str) {
        // Not being there is what is wanted.
        let _ = fs::remove_file(path.join(format!("{name}.pid")));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // It does its work whether or not somebody waits for it.
        let _ = self.keeper.wait();
    }
}
