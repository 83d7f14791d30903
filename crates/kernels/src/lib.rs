//! The numerical heart: slices in, slices out.
//!
//! No tensors, no autodiff, no IO, no logging. Every kernel has a naive reference beside it
//! (`reference.rs`) and is generic over [`Real`], so that the very code that trains in `f32`
//! is checked against finite differences in `f64`.
//!
//! Two promises hold for every function of this crate:
//!
//! * **Order of summation is fixed** by the shapes alone: never by the number of threads, nor by
//!   the other rows of a batch. The same row gives the same bits alone or in any company.
//! * **No padding exists.** Batches of ragged sequences are packed ([`Ragged`]): what is not there
//!   can't change a result.

pub mod attention;
pub mod buffer;
pub mod ceiling;
pub mod cpu;
pub mod cross_entropy;
pub mod elementwise;
pub mod embedding;
pub mod gemm;
pub mod linear;
pub mod optimizer;
pub mod parallel;
pub mod ragged;
pub mod real;
pub mod recurrent;
pub mod shape;
pub mod top;

pub use ragged::Ragged;
pub use real::Real;
pub use shape::ShapeError;
