//! A recurrent language model: one-to-many. From the tokens so far to the next one (Mikolov et al. 2010).

mod config;
mod network;
mod stepper;

pub use config::LanguageModelConfig;
pub use network::LanguageModel;
pub use stepper::Stepper;

#[cfg(test)]
mod tests;
