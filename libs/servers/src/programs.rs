//! Where the servers' programs are, and how they come here if they are not.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

/// Where Debian keeps each version of PostgreSQL.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A program that Debian asks whether a service may be started. Any other code than 101 would start it.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// The programs of both servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The folder with `initdb` and `postgres`.
    postgres: PathBuf,
    redis: PathBuf,
}

impl Programs {
    /// Looks for them: in `PATH`, where Debian keeps them (the newest), and where `pg_config` says.
    ///
    /// # Errors
    /// Names what is missing and how to get it.
    pub fn find() -> Result<Self> {
        Self::find_in(&std::env::var_os("PATH").unwrap_or_default(), Path::new(VERSIONS))
    }

    /// The same, but what is missing is installed where that is possible: as root, where there is `apt-get`. No service is
    /// started by it.
    ///
    /// # Errors
    /// Names what is missing and how to get it.
    pub fn find_or_install() -> Result<Self> {
        Self::find().or_else(|missing| {
            if !rustix::process::geteuid().is_root() || in_path("apt-get").is_none() {
                return Err(missing);
            }
            eprintln!("{missing:#}");
            install().context(missing)?;
            Self::find()
        })
    }

    /// The same as [`Self::find`] for a test that needs servers: none where they are missing, which is told, unless
    /// `CALLSHEET_TEST_SERVERS` says that they are `required`.
    ///
    /// # Errors
    /// They are required; names what is missing and how to get it.
    pub fn for_a_test() -> Result<Option<Self>> {
        match Self::find() {
            Ok(programs) => Ok(Some(programs)),
            Err(missing)
                if std::env::var("CALLSHEET_TEST_SERVERS").as_deref() == Ok("required") =>
            {
                Err(missing)
            }
            Err(missing) => {
                eprintln!("skipped: {missing:#}");
                Ok(None)
            }
        }
    }

    fn find_in(path: &OsString, versions: &Path) -> Result<Self> {
        let postgres = with_postgres(path, versions);
        let redis = in_folders(path, "redis-server").or_else(|| in_folders(path, "valkey-server"));
        match (postgres, redis) {
            (Some(postgres), Some(redis)) => Ok(Self { postgres, redis }),
            (postgres, redis) => {
                let missing: Vec<&str> = [
                    postgres.is_none().then_some("PostgreSQL (`initdb` and `postgres`)"),
                    redis.is_none().then_some("Redis (`redis-server`)"),
                ]
                .into_iter()
                .flatten()
                .collect();
                bail!(
                    "{} not found; install PostgreSQL 14 or newer and Redis 7 or newer, or put their programs into PATH \
                     (Debian, Ubuntu: `apt-get install postgresql redis-server`; macOS: `brew install postgresql redis`)",
                    missing.join(" and ")
                )
            }
        }
    }

    /// The program that makes a cluster.
    pub(crate) fn initdb(&self) -> PathBuf {
        self.postgres.join("initdb")
    }

    /// The server of the database.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.postgres.join("postgres")
    }

    /// The client of the database, which may not be linked to where its server is.
    pub(crate) fn psql(&self) -> PathBuf {
        let beside = |program: &Path| program.parent().map(|folder| folder.join("psql"));
        let linked = fs::canonicalize(self.postgres()).ok();
        [Some(self.postgres()), linked]
            .into_iter()
            .flatten()
            .filter_map(|program| beside(&program))
            .find(|client| is_program(client))
            .unwrap_or_else(|| "psql".into())
    }

    /// The server of Redis.
    pub(crate) fn redis(&self) -> PathBuf {
        self.redis.clone()
    }
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|told| told.is_file() && told.permissions().mode() & 0o111 != 0)
}

fn in_folders(path: &OsString, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn in_path(name: &str) -> Option<PathBuf> {
    in_folders(&std::env::var_os("PATH").unwrap_or_default(), name)
}

/// The folder with the programs of PostgreSQL.
fn with_postgres(path: &OsString, versions: &Path) -> Option<PathBuf> {
    let whole = |folder: &PathBuf| {
        is_program(&folder.join("initdb")) && is_program(&folder.join("postgres"))
    };
    let of_debian = || {
        let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        found.sort();
        found.into_iter().rev().map(|(_, folder)| folder).find(whole)
    };
    let as_configured = || {
        let told = Command::new(in_folders(path, "pg_config")?).arg("--bindir").output().ok()?;
        let folder = PathBuf::from(String::from_utf8(told.stdout).ok()?.trim());
        Some(folder).filter(whole)
    };
    std::env::split_paths(path).find(whole).or_else(of_debian).or_else(as_configured)
}

/// Takes its file away again.
struct Refusal(bool);

impl Drop for Refusal {
    fn drop(&mut self) {
        if self.0 {
            // If it cannot be removed, services are merely not started by themselves.
            let _ = fs::remove_file(POLICY);
        }
    }
}

/// Installs both servers with `apt-get`, and starts neither.
fn install() -> Result<()> {
    let _refusal = if Path::new(POLICY).exists() {
        Refusal(false)
    } else {
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        Refusal(true)
    };
    if let Err(error) = apt(&["update", "-q"]) {
        // What is known of packages may be fresh enough, and some other archive the one that is away.
        eprintln!("{error:#}");
    }
    apt(&["install", "-q", "-y", "--no-install-recommends", "postgresql", "redis-server"])
}

fn apt(arguments: &[&str]) -> Result<()> {
    eprintln!("$ apt-get {}", arguments.join(" "));
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1")
        .stdin(Stdio::null())
        .status()
        .context("cannot run apt-get")?;
    ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path, name: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_newest_version_is_taken_by_number_not_by_letters() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("bin");
        program(&path, "redis-server");
        for version in ["9", "14", "15"] {
            for name in ["initdb", "postgres"] {
                program(&root.path().join("versions").join(version).join("bin"), name);
            }
        }
        // The newest lacks a program.
        fs::remove_file(root.path().join("versions/15/bin/initdb")).unwrap();
        let found = Programs::find_in(&path.into(), &root.path().join("versions")).unwrap();
        assert_eq!(found.postgres, root.path().join("versions/14/bin"));
    }

    #[test]
    fn what_stands_in_path_comes_first() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("bin");
        for name in ["redis-server", "initdb", "postgres"] {
            program(&path, name);
            program(&root.path().join("versions/15/bin"), name);
        }
        let found = Programs::find_in(&path.clone().into(), &root.path().join("versions")).unwrap();
        assert_eq!((found.postgres, found.redis), (path.clone(), path.join("redis-server")));
    }

    #[test]
    fn what_is_missing_is_named_with_how_to_get_it() {
        let root = tempfile::tempdir().unwrap();
        program(root.path(), "redis-server");
        let path = root.path().as_os_str().to_owned();
        let error = Programs::find_in(&path, &root.path().join("none")).unwrap_err().to_string();
        assert!(error.starts_with("PostgreSQL (`initdb` and `postgres`) not found"), "{error}");
        assert!(error.contains("apt-get install postgresql redis-server"), "{error}");
    }
}
