//! What a network reads while it learns: the teacher's tokens, its own, or some of each (Bengio et al. 2015).
//!
//! A network that always reads the teacher's tokens has never seen its own mistakes, which it has to live with in use (exposure
//! bias). Here its own tokens are found first, by walking through the sequences without gradients ([`walk`]); the loss is then
//! that of teacher forcing with what was read in the teacher's place. That is the same gradient, since none flows through the
//! choice of a token, and keeps the fused pass over all steps.

mod walk;

pub use walk::{Choice, Steps, Teacher, Unit, Walk, walk};

#[cfg(test)]
mod tests;
