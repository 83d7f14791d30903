//! What every model's file is asked for.

use crate::recipe::{self, TaskName, TaskRecipe};
use simurgh_nn::artifact::{ArtifactError, Header};

/// A part of a model's file that is not what it should be.
pub(crate) fn damaged(field: &str, expected: impl Into<String>, got: impl Into<String>) -> ArtifactError {
    ArtifactError {
        path: None,
        field: Some(field.into()),
        expected: expected.into(),
        got: got.into(),
        hint: "the file may be damaged, or made by another version of simurgh: copy or train it again".into(),
    }
}

/// The recipe of a model of this task.
///
/// # Errors
/// If it is of another task, with the command that uses it, or its recipe can't be read.
pub(crate) fn recipe_of<R: TaskRecipe>(header: &Header) -> Result<R, ArtifactError> {
    if header.task != R::TASK.name() {
        let mut error = damaged("task", R::TASK.name(), header.task.clone());
        let known = TaskName::ALL.into_iter().find(|task| task.name() == header.task);
        error.hint = match known {
            Some(task) => format!("use this model with: simurgh {}", task.command()),
            None => "a newer simurgh may know what to do with it".into(),
        };
        return Err(error);
    }
    recipe::parse(&header.recipe, &[]).map_err(|e| damaged("recipe", "a recipe", e.to_string()))
}
