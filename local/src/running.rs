//! What a running stack leaves for the other commands to find it by: `.local/stack.json`.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name in the data folder.
const FILE: &str = "stack.json";

/// A stack that runs, as the other commands need to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningStack {
    /// Its process.
    pub pid: u32,
    /// Its Invoke API.
    pub control_url: String,
    /// Its functions.
    pub functions: Vec<RunningFunction>,
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

/// Why the data folder cannot be used, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunningError {
    /// Nothing runs here.
    #[error("no stack is running: start one with `cargo run` in another terminal")]
    NotRunning,
    /// The file is from another version.
    #[error("{0} is not understood ({1}): start the stack anew with `cargo run`")]
    Unreadable(PathBuf, #[source] serde_json::Error),
    /// The file or folder cannot be used.
    #[error("{0} cannot be used: {1}")]
    Inaccessible(PathBuf, #[source] std::io::Error),
}

/// Creates the data folder if it is not there, and lets nobody else in: mode 0700.
pub fn prepare(folder: &Path) -> Result<(), RunningError> {
    let inaccessible = |error| RunningError::Inaccessible(folder.to_owned(), error);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(inaccessible)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(inaccessible)
}

impl RunningStack {
    /// Writes the file, readable by its owner only. It is removed when the returned value is dropped.
    pub fn announce(&self, folder: &Path) -> Result<Announced, RunningError> {
        let path = folder.join(FILE);
        let inaccessible = |error| RunningError::Inaccessible(path.clone(), error);
        let text =
            serde_json::to_string_pretty(self).map_err(|error| inaccessible(error.into()))?;
        // Written beside and moved, so that no reader sees half of it and the mode is right from the first byte.
        let draft = folder.join(format!("{FILE}.{}", self.pid));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .map_err(inaccessible)?;
        file.write_all(text.as_bytes()).map_err(inaccessible)?;
        std::fs::rename(&draft, &path).map_err(inaccessible)?;
        Ok(Announced {
            path,
            pid: self.pid,
        })
    }

    /// The stack that runs on this data folder.
    pub fn find(folder: &Path) -> Result<Self, RunningError> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| RunningError::Unreadable(path, error))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(RunningError::NotRunning)
            }
            Err(error) => Err(RunningError::Inaccessible(path, error)),
        }
    }
}

/// A written file, for as long as the stack runs.
#[derive(Debug)]
pub struct Announced {
    path: PathBuf,
    pid: u32,
}

impl Drop for Announced {
    fn drop(&mut self) {
        // Another stack may have replaced it meanwhile.
        let ours = std::fs::read(&self.path)
            .ok()
            .and_then(|text| serde_json::from_slice::<RunningStack>(&text).ok())
            .is_some_and(|stack| stack.pid == self.pid);
        if ours {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(pid: u32) -> RunningStack {
        RunningStack {
            pid,
            control_url: "http://127.0.0.1:9000".to_owned(),
            functions: vec![RunningFunction {
                name: "sms-webhook".to_owned(),
                logical_id: "SmsWebhookFunction".to_owned(),
                url: Some("http://127.0.0.1:9001/".to_owned()),
            }],
            environment: BTreeMap::new(),
        }
    }

    #[test]
    fn a_stack_is_found_while_it_runs_and_not_after() {
        let folder = tempfile::tempdir().unwrap();
        let announced = stack(1).announce(folder.path()).unwrap();
        assert_eq!(RunningStack::find(folder.path()).unwrap(), stack(1));
        drop(announced);
        assert!(matches!(
            RunningStack::find(folder.path()),
            Err(RunningError::NotRunning)
        ));
    }

    #[test]
    fn a_stack_leaves_anothers_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = stack(1).announce(folder.path()).unwrap();
        let _second = stack(2).announce(folder.path()).unwrap();
        drop(first);
        assert_eq!(RunningStack::find(folder.path()).unwrap(), stack(2));
    }

    #[test]
    fn only_the_owner_can_read_file_and_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        prepare(&data).unwrap();
        let _announced = stack(1).announce(&data).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
    }
}
