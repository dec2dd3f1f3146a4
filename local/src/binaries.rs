//! The functions' binaries: where they are and how they are built.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// The folder of this crate when it was compiled.
const CRATE_FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Whether cargo's progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// As cargo shows it, on standard error.
    Shown,
    /// Only if the build fails, in the error: for tests.
    OnFailure,
}

/// Why there are no binaries, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The sources are gone.
    #[error(
        "the functions' sources are not found from {0}: run this inside a checkout of the repository"
    )]
    NoWorkspace(PathBuf),
    /// No cargo.
    #[error("cargo is not found: install Rust from https://rustup.rs, then run this again")]
    NoCargo,
    /// Cargo cannot be run for another reason.
    #[error("cargo cannot be run: {0}")]
    Cargo(#[source] std::io::Error),
    /// No C compiler, which the cryptography needs.
    #[error(
        "the functions need a C compiler to build and none is found: install one (Debian and Ubuntu: \
         `apt install build-essential`, Fedora: `dnf install gcc`, macOS: `xcode-select --install`), then run this again"
    )]
    NoCompiler,
    /// The build failed; cargo has said why.
    #[error("the functions do not build: `{command}` failed{}", output.as_ref().map_or_else(
        || "; its errors are above".to_owned(), |output| format!(":\n{output}")))]
    Failed {
        /// The command, to be run again by hand.
        command: String,
        /// What cargo said, unless it was shown already.
        output: Option<String>,
    },
    /// Cargo is content but the binary is not there.
    #[error("{0} was not built: is it the name of a package under functions/?")]
    Missing(PathBuf),
}

/// Builds the functions' binaries if anything has changed since, and returns their folder.
///
/// Built like the running program (same target folder and profile), so that nothing is compiled twice; `release`
/// builds them for release whatever the running program is.
pub async fn build(
    names: &[&str],
    release: bool,
    progress: Progress,
) -> Result<PathBuf, BuildError> {
    let workspace = workspace()?;
    let executable = std::env::current_exe().map_err(BuildError::Cargo)?;
    let mut layout = Layout::of(&executable).unwrap_or_else(|| Layout::default_of(&workspace));
    if release {
        "release".clone_into(&mut layout.profile);
    }
    let arguments = layout.arguments(names);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(&arguments)
        .current_dir(&workspace)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match progress {
        Progress::Shown => {
            let status = command
                .stdout(Stdio::inherit())
                .stderr(Stdio::inherit())
                .status()
                .await;
            status.map(|status| (status, None))
        }
        Progress::OnFailure => command.output().await.map(|output| {
            (
                output.status,
                Some(String::from_utf8_lossy(&output.stderr).into_owned()),
            )
        }),
    };
    let (status, output) = output.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BuildError::NoCargo,
        _ => BuildError::Cargo(error),
    })?;
    if !status.success() {
        let (path, cc) = (std::env::var_os("PATH"), std::env::var_os("CC"));
        if !has_compiler(path.as_deref(), cc.as_deref()) {
            return Err(BuildError::NoCompiler);
        }
        let command = format!("cargo {}", arguments.join(OsStr::new(" ")).display());
        return Err(BuildError::Failed { command, output });
    }
    let folder = layout.folder();
    let missing = names
        .iter()
        .map(|name| folder.join(name))
        .find(|path| !path.is_file());
    missing.map_or(Ok(folder), |path| Err(BuildError::Missing(path)))
}

/// The root of the workspace: where this program was compiled, or else above the current folder.
pub fn workspace() -> Result<PathBuf, BuildError> {
    let compiled = Path::new(CRATE_FOLDER)
        .parent()
        .filter(|root| is_workspace(root))
        .map(Path::to_owned);
    if let Some(root) = compiled {
        return Ok(root);
    }
    let current = std::env::current_dir().map_err(BuildError::Cargo)?;
    let root = current
        .ancestors()
        .find(|folder| is_workspace(folder))
        .map(Path::to_owned);
    root.ok_or(BuildError::NoWorkspace(current))
}

fn is_workspace(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file() && folder.join("functions").is_dir()
}

/// Where cargo put a program.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layout {
    target: PathBuf,
    triple: Option<OsString>,
    profile: String,
}

impl Layout {
    /// Read from a program's path: `TARGET[/TRIPLE]/PROFILE[/deps]/PROGRAM`. Cargo marks its target folder.
    fn of(executable: &Path) -> Option<Self> {
        let folder = executable.parent()?;
        let folder = match folder.file_name()?.to_str()? {
            "deps" | "examples" => folder.parent()?,
            _ => folder,
        };
        let profile = folder.file_name()?.to_str()?.to_owned();
        let above = folder.parent()?;
        let is_target = |folder: &Path| folder.join("CACHEDIR.TAG").is_file();
        if is_target(above) {
            Some(Self {
                target: above.to_owned(),
                triple: None,
                profile,
            })
        } else {
            let target = above.parent().filter(|folder| is_target(folder))?;
            Some(Self {
                target: target.to_owned(),
                triple: above.file_name().map(OsStr::to_owned),
                profile,
            })
        }
    }

    fn default_of(workspace: &Path) -> Self {
        Self {
            target: workspace.join("target"),
            triple: None,
            profile: "debug".to_owned(),
        }
    }

    /// Where the binaries are.
    fn folder(&self) -> PathBuf {
        let mut folder = self.target.clone();
        folder.extend(&self.triple);
        folder.join(&self.profile)
    }

    /// Cargo's arguments. The whole workspace is selected, so that dependencies have the features they have anyway.
    fn arguments(&self, names: &[&str]) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["build".into(), "--workspace".into()];
        for name in names {
            arguments.extend(["--bin".into(), (*name).into()]);
        }
        match self.profile.as_str() {
            "debug" => {}
            "release" => arguments.push("--release".into()),
            profile => arguments.extend(["--profile".into(), profile.into()]),
        }
        if let Some(triple) = &self.triple {
            arguments.extend(["--target".into(), triple.clone()]);
        }
        arguments.extend(["--target-dir".into(), self.target.clone().into_os_string()]);
        arguments
    }
}

/// Whether there is a C compiler where the build looks for one.
fn has_compiler(path: Option<&OsStr>, cc: Option<&OsStr>) -> bool {
    cc.is_some_and(|cc| !cc.is_empty())
        || path.is_some_and(|path| {
            std::env::split_paths(path).any(|folder| {
                ["cc", "gcc", "clang"]
                    .iter()
                    .any(|name| folder.join(name).is_file())
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("CACHEDIR.TAG"), "").unwrap();
        folder
    }

    fn arguments(layout: &Layout) -> Vec<String> {
        let arguments = layout.arguments(&["sms-webhook"]).into_iter();
        arguments
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_program_and_its_tests_share_a_folder() {
        let target = target();
        let program = Layout::of(&target.path().join("debug/trunkline")).unwrap();
        assert_eq!(
            program,
            Layout::of(&target.path().join("debug/deps/end_to_end-0123")).unwrap()
        );
        assert_eq!(program.folder(), target.path().join("debug"));
        let folder = target.path().to_str().unwrap();
        assert_eq!(
            arguments(&program),
            [
                "build",
                "--workspace",
                "--bin",
                "sms-webhook",
                "--target-dir",
                folder
            ]
        );
    }

    #[test]
    fn the_profile_and_target_of_the_program_are_kept() {
        let target = target();
        let layout = Layout::of(
            &target
                .path()
                .join("x86_64-unknown-linux-musl/release/trunkline"),
        )
        .unwrap();
        assert_eq!(
            layout.folder(),
            target.path().join("x86_64-unknown-linux-musl/release")
        );
        let arguments = arguments(&layout);
        assert_eq!(
            arguments[4..7],
            ["--release", "--target", "x86_64-unknown-linux-musl"]
        );
        let named = Layout {
            profile: "profiling".to_owned(),
            ..layout
        };
        assert_eq!(
            super::tests::arguments(&named)[4..6],
            ["--profile", "profiling"]
        );
    }

    #[test]
    fn an_installed_program_builds_in_the_workspace() {
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(Layout::of(&elsewhere.path().join("bin/trunkline")), None);
        assert_eq!(
            Layout::default_of(Path::new("/w")).folder(),
            Path::new("/w/target/debug")
        );
    }

    #[test]
    fn a_compiler_is_looked_for_where_the_build_looks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().as_os_str();
        assert!(!has_compiler(Some(path), None));
        assert!(has_compiler(Some(path), Some(OsStr::new("/opt/cc"))));
        std::fs::write(folder.path().join("cc"), "").unwrap();
        assert!(has_compiler(Some(path), None));
    }

    #[test]
    fn a_failure_shows_cargos_words_unless_they_were_shown() {
        let failed = |output: Option<&str>| {
            BuildError::Failed {
                command: "cargo build".to_owned(),
                output: output.map(str::to_owned),
            }
            .to_string()
        };
        assert_eq!(
            failed(None),
            "the functions do not build: `cargo build` failed; its errors are above"
        );
        assert_eq!(
            failed(Some("error: x")),
            "the functions do not build: `cargo build` failed:\nerror: x"
        );
    }
}
