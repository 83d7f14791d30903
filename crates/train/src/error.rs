//! What can go wrong, and whose fault it is.

use simurgh_data::InputError;
use simurgh_nn::ShapeError;
use simurgh_nn::artifact::ArtifactError;
use simurgh_nn::recurrent::stream::StreamError;

/// A failed training, evaluation or translation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's input was wrong.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A model file was wrong.
    #[error(transparent)]
    Model(#[from] ArtifactError),
    /// Sizes that do not fit, or that there is no memory for.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The user stopped the run; it can be resumed.
    #[error("interrupted at step {step}; the checkpoint is written")]
    Interrupted {
        /// Steps made.
        step: u64,
        /// Where to go on.
        run: std::path::PathBuf,
    },
}

impl From<StreamError> for Error {
    fn from(e: StreamError) -> Self {
        match e {
            StreamError::Shape(e) => e.into(),
            other => {
                let hint = "with a program built without GPU features, and a network that reads one way";
                InputError::new("a network that can be taken step by step", other.to_string(), hint).into()
            }
        }
    }
}

impl Error {
    /// What the user can do.
    pub fn hint(&self) -> String {
        match self {
            Self::Input(e) => e.hint.clone(),
            Self::Model(e) => e.hint.clone(),
            Self::Shape(_) => "see [model], and the beam of [decode], of the recipe".into(),
            Self::Interrupted { run, .. } => format!("go on with: simurgh train --resume {}", run.display()),
        }
    }
}
