//! What a running stack leaves for the other commands to find it by: `.local/stack.json`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name in the data folder.
const FILE: &str = "stack.json";

/// The functions' variables, one a line, for `cargo lambda watch --env-file`.
const VARIABLES: &str = "functions.env";

/// The file whose lock a running stack holds.
const LOCK: &str = "stack.lock";

/// A stack that runs, as the other commands need to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningStack {
    /// Its process.
    pub pid: u32,
    /// Its Invoke API.
    pub control_url: String,
    /// Its functions.
    pub functions: Vec<RunningFunction>,
    /// Its HTTP API, if it has one.
    pub api: Option<RunningApi>,
    /// The functions' variables and the emulators' endpoints, for commands that go to the same tables.
    pub environment: BTreeMap<String, String>,
}

/// A function of a running stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningFunction {
    /// Its binary, such as `sms-webhook`.
    pub name: String,
    /// Its logical id in the template.
    pub logical_id: String,
    /// Its function URL, if it has one.
    pub url: Option<String>,
}

/// The HTTP API of a running stack, and where tokens for it come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningApi {
    /// Its URL, without a slash at the end.
    pub url: String,
    /// The stack's own issuer of tokens.
    pub issuer_url: String,
    /// The issuer whose tokens it takes.
    pub trusted_issuer: String,
}

/// Why the data folder cannot be used, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunningError {
    /// Nothing runs here.
    #[error("no stack is running: start one with `cargo run` in another terminal")]
    NotRunning,
    /// Something runs but cannot be talked to yet.
    #[error("the stack is still starting: try again once it shows its first screen")]
    Starting,
    /// Another stack has the folder.
    #[error(
        "a stack is running on {0} already: stop it, or give this one a folder of its own with --data"
    )]
    InUse(PathBuf),
    /// The file is from another version.
    #[error("{0} is not understood ({1}): start the stack anew with `cargo run`")]
    Unreadable(PathBuf, #[source] serde_json::Error),
    /// The file or folder cannot be used.
    #[error("{0} cannot be used: {1}")]
    Inaccessible(PathBuf, #[source] std::io::Error),
}

/// The folder of one stack's data, held for as long as it runs: two stacks on the same files would spoil them.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Creates the folder if it is not there, lets nobody else in (mode 0700) and takes it for this process.
    pub fn open(path: &Path) -> Result<Self, RunningError> {
        let inaccessible = |error| RunningError::Inaccessible(path.to_owned(), error);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(inaccessible)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .map_err(inaccessible)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(inaccessible)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(RunningError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(inaccessible(error)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets other commands find the stack, until the returned value is dropped. Only the owner can read the file.
    pub fn announce(&self, stack: &RunningStack) -> Result<Announced, RunningError> {
        let variables = stack.environment.iter();
        let variables: String = variables
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        self.write(VARIABLES, variables.as_bytes())?;
        let path = self.path.join(FILE);
        let text = serde_json::to_string_pretty(stack)
            .map_err(|error| RunningError::Inaccessible(path.clone(), error.into()))?;
        self.write(FILE, text.as_bytes())?;
        Ok(Announced(path))
    }

    /// What [`DataFolder::write`] wrote; `None` if it never did.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, RunningError> {
        let path = self.path.join(name);
        match std::fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RunningError::Inaccessible(path, error)),
        }
    }

    /// Writes a file that only its owner can read: beside and then moved, so that no reader sees half of it and the mode
    /// is right from the first byte.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), RunningError> {
        let path = self.path.join(name);
        let inaccessible = |error| RunningError::Inaccessible(path.clone(), error);
        let draft = self.path.join(format!("{name}.draft"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .map_err(inaccessible)?;
        file.write_all(content).map_err(inaccessible)?;
        std::fs::rename(&draft, &path).map_err(inaccessible)
    }
}

impl RunningStack {
    /// The stack that runs on this data folder. A file that a killed stack left behind is none: its lock is free.
    pub fn find(folder: &Path) -> Result<Self, RunningError> {
        let running = File::open(folder.join(LOCK))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)));
        if !running {
            return Err(RunningError::NotRunning);
        }
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| RunningError::Unreadable(path, error))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(RunningError::Starting)
            }
            Err(error) => Err(RunningError::Inaccessible(path, error)),
        }
    }
}

/// A written file, for as long as the stack runs.
#[derive(Debug)]
pub struct Announced(PathBuf);

impl Drop for Announced {
    fn drop(&mut self) {
        // A file left behind does no harm: without the lock nobody believes it.
        drop(std::fs::remove_file(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> RunningStack {
        RunningStack {
            pid: 1,
            control_url: "http://127.0.0.1:9000".to_owned(),
            functions: vec![RunningFunction {
                name: "sms-webhook".to_owned(),
                logical_id: "SmsWebhookFunction".to_owned(),
                url: Some("http://127.0.0.1:9001/".to_owned()),
            }],
            api: Some(RunningApi {
                url: "http://127.0.0.1:9010".to_owned(),
                issuer_url: "http://127.0.0.1:9011".to_owned(),
                trusted_issuer: "http://127.0.0.1:9011".to_owned(),
            }),
            environment: BTreeMap::new(),
        }
    }

    #[test]
    fn a_stack_is_found_while_it_runs_and_not_after() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        assert!(matches!(
            RunningStack::find(folder.path()),
            Err(RunningError::Starting)
        ));
        let announced = data.announce(&stack()).unwrap();
        assert_eq!(RunningStack::find(folder.path()).unwrap(), stack());
        drop((announced, data));
        assert!(matches!(
            RunningStack::find(folder.path()),
            Err(RunningError::NotRunning)
        ));
    }

    #[test]
    fn what_a_killed_stack_left_behind_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        std::mem::forget(data.announce(&stack()).unwrap());
        drop(data);
        assert!(matches!(
            RunningStack::find(folder.path()),
            Err(RunningError::NotRunning)
        ));
    }

    #[test]
    fn a_folder_is_one_stacks_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path()).unwrap();
        assert!(matches!(
            DataFolder::open(folder.path()),
            Err(RunningError::InUse(_))
        ));
        drop(first);
        DataFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn only_the_owner_can_read_file_and_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let data = DataFolder::open(&path).unwrap();
        let _announced = data.announce(&stack()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(FILE))), (0o700, 0o600));
    }
}
