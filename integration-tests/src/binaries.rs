//! Where the services' programs are: beside the test's own, as cargo builds them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, ensure};

/// The services that run alone.
pub const SERVICES: [&str; 5] =
    ["calendar-ingest", "eligibility", "consent", "provider-adapters", "orchestrator"];

/// The folder with the services' programs.
#[derive(Debug, Clone)]
pub struct Binaries(PathBuf);

impl Binaries {
    /// The programs as they are in a folder.
    #[must_use]
    pub const fn of(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Finds the programs. Those that are missing or older than their sources are built, which a run
    /// over the whole workspace has done already.
    ///
    /// # Errors
    /// They cannot be built.
    pub fn find() -> anyhow::Result<Self> {
        let test = std::env::current_exe()?;
        let folder = test.ancestors().nth(2).context("the test lives in `deps`")?.to_owned();
        let found = Self(folder);
        if SERVICES.iter().all(|name| found.is_fresh(name)) {
            return Ok(found);
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.arg("build").current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        if let Some(target) = found.0.parent() {
            build.arg("--target-dir").arg(target);
        }
        if found.0.file_name().is_some_and(|profile| profile == "release") {
            build.arg("--release");
        }
        for name in SERVICES {
            build.arg("--package").arg(name);
        }
        ensure!(build.status()?.success(), "the services cannot be built");
        Ok(found)
    }

    /// The program of a service.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Whether a program is there and newer than everything it was made of, which cargo lists beside it.
    fn is_fresh(&self, name: &str) -> bool {
        let Some(built) = modified(&self.path(name)) else { return false };
        let Ok(list) = std::fs::read_to_string(self.0.join(format!("{name}.d"))) else {
            return false;
        };
        let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
        let sources = sources.replace("\\ ", "\u{0}");
        sources.split_whitespace().all(|source| {
            let source = source.replace('\u{0}', " ");
            modified(Path::new(&source)).is_some_and(|changed| changed <= built)
        })
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}
