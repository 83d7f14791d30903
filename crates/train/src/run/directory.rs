//! Names of a run's files.

use simurgh_data::InputError;
use simurgh_nn::artifact::atomic_write;
use std::path::{Path, PathBuf};

/// What is not there need not be removed.
fn remove(path: &Path, result: std::io::Result<()>) -> Result<(), InputError> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(InputError::io(path, "a directory that can be cleared", &e))
        }
        _ => Ok(()),
    }
}

/// A run's directory.
#[derive(Clone, Debug)]
pub struct RunDirectory {
    root: PathBuf,
}

impl RunDirectory {
    /// A new directory: `root` if given (it must not hold a run unless `force`), else `runs/NAME-N`
    /// with the first free number.
    ///
    /// # Errors
    /// If it holds a run already or can't be made.
    pub fn create(root: Option<&Path>, name: &str, force: bool) -> Result<Self, InputError> {
        let root = match root {
            Some(root) => root.to_path_buf(),
            None => Self::numbered(name)?,
        };
        let run = Self { root };
        let files = [run.recipe(), run.events(), run.model(), run.report(), run.recogniser()];
        let folders = [run.root.join("checkpoints"), run.root.join("tensorboard")];
        let inner = [run.root.join("pretrain"), run.samples()];
        // A process killed before it wrote the recipe leaves empty folders, which are no run.
        let full = |path: &PathBuf| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if !force && (files.iter().any(|path| path.exists()) || folders.iter().any(full)) {
            let hint = "give another --out; `simurgh train` goes on with --resume, or overwrites it with --force";
            return Err(InputError::new("a directory without a run", "one with a run", hint).at(&run.root));
        }
        // Nothing of another run may be taken for this one's; its recipe goes first.
        for path in files {
            remove(&path, std::fs::remove_file(&path))?;
        }
        for path in folders.iter().chain(&inner) {
            remove(path, std::fs::remove_dir_all(path))?;
        }
        for directory in &folders {
            fs_err::create_dir_all(directory)
                .map_err(|e| InputError::io(directory, "a directory to write the run to", &e))?;
        }
        Ok(run)
    }

    /// `runs/NAME-N`, made by nobody else at the same moment.
    fn numbered(name: &str) -> Result<PathBuf, InputError> {
        let runs = Path::new("runs");
        let made = |path: &Path, result: std::io::Result<()>| {
            result.map_err(|e| InputError::io(path, "a directory to write the run to", &e))
        };
        made(runs, fs_err::create_dir_all(runs))?;
        for n in 1u32.. {
            let root = runs.join(format!("{name}-{n}"));
            match std::fs::create_dir(&root) {
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                result => return made(&root, result).map(|()| root),
            }
        }
        unreachable!("some number is free")
    }

    /// The run in `root`.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(root: &Path) -> Result<Self, InputError> {
        let run = Self { root: root.to_path_buf() };
        if !run.recipe().exists() {
            let hint = "give the directory that `simurgh train` printed, e.g. runs/fa-en-1";
            return Err(InputError::new("a run directory", "none with a recipe.toml", hint).at(root));
        }
        Ok(run)
    }

    /// Keeps other processes away for as long as the file lives.
    ///
    /// # Errors
    /// If another process trains in this directory.
    pub fn lock(&self) -> Result<std::fs::File, InputError> {
        let path = self.root.join("lock");
        let io = |e: std::io::Error| InputError::io(&path, "a file that can be written", &e);
        let file = std::fs::File::create(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                let hint = "wait for it or stop it, or give another --out";
                Err(InputError::new("a run that nobody else trains", "one with a process at work", hint).at(&self.root))
            }
            // A file system without locks.
            Err(std::fs::TryLockError::Error(_)) => Ok(file),
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The resolved recipe.
    pub fn recipe(&self) -> PathBuf {
        self.root.join("recipe.toml")
    }

    /// The command that began it.
    pub fn command(&self) -> PathBuf {
        self.root.join("command.txt")
    }

    /// One JSON object a line.
    pub fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }

    /// TensorBoard's files.
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tensorboard")
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> PathBuf {
        self.root.join("tokenizer.json")
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoints").join("last.safetensors")
    }

    /// Parameters of the best evaluation, made at `step`.
    pub fn best(&self, step: u64) -> PathBuf {
        self.root.join("checkpoints").join(format!("best-{step}.safetensors"))
    }

    /// The final model.
    pub fn model(&self) -> PathBuf {
        self.root.join("model.safetensors")
    }

    /// Pictures of a generator's samples over time.
    pub fn samples(&self) -> PathBuf {
        self.root.join("samples")
    }

    /// The classifier that says what a generator makes.
    pub fn recogniser(&self) -> PathBuf {
        self.root.join("recogniser.safetensors")
    }

    /// The page.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// The text of one of the run's files.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, path: &Path) -> Result<String, InputError> {
        std::fs::read_to_string(path).map_err(|e| InputError::io(path, "a run's file", &e))
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), InputError> {
        atomic_write(path, bytes).map_err(|e| InputError::io(path, "a file that can be written", &e))
    }

    /// Removes what a killed process left half-written.
    pub fn remove_leftovers(&self) {
        let folders = [self.root.clone(), self.root.join("checkpoints")];
        for entry in folders.iter().flat_map(std::fs::read_dir).flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".tmp") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Removes the parameters of all evaluations but that at `keep`.
    pub fn remove_other_bests(&self, keep: Option<u64>) {
        let keep = keep.map(|step| self.best(step));
        for entry in std::fs::read_dir(self.root.join("checkpoints")).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_best = entry.file_name().to_string_lossy().starts_with("best-");
            if is_best && Some(&path) != keep.as_ref() {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}
