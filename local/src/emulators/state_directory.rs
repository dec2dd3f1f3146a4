//! The directory that keeps the data of emulators and doubles between runs. It holds key material, so only its owner may read it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StartError;

/// A state directory.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
}

/// Keeps other processes out of a state directory as long as it lives.
#[derive(Debug)]
pub(crate) struct Hold {
    _locked: File,
}

impl StateDirectory {
    /// Opens or makes the directory at mode 0700, and takes it for this process.
    pub(crate) fn open(path: &Path) -> Result<(Self, Hold), StartError> {
        let failed = |source| StartError::Directory {
            path: path.to_owned(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let lock = private().open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok((
                Self {
                    path: path.to_owned(),
                },
                Hold { _locked: lock },
            )),
            Err(TryLockError::WouldBlock) => Err(StartError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file that exists at mode 0600.
    pub(crate) fn private_file(&self, name: &str) -> Result<PathBuf, StartError> {
        let path = self.path.join(name);
        private()
            .open(&path)
            .map_err(|source| StartError::Directory {
                path: path.clone(),
                source,
            })?;
        Ok(path)
    }

    /// Reads what [`StateDirectory::write`] wrote; `None` if it never did.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StartError> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| StartError::Unreadable { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StartError::Directory { path, source }),
        }
    }

    /// Replaces a file whole, at mode 0600: after a crash it is the old one or the new one.
    pub(crate) fn write(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let (path, new) = (self.path.join(name), self.path.join(format!("{name}.new")));
        let mut file = private().truncate(true).open(&new)?;
        file.write_all(&serde_json::to_vec(value)?)?;
        file.sync_all()?;
        fs::rename(new, path)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}
