//! The numerical heart: slices in, slices out.
//!
//! No tensors, no autodiff, no IO, no logging. Every kernel is generic over [`Real`], so that the very
//! code that trains in `f32` is checked against finite differences in `f64`; products and layers have
//! naive references beside them (`reference.rs`), other kernels in their tests.
//!
//! A program that calls these kernels from threads of its own calls [`cpu::flush_denormals`] on each of
//! them: numbers near 0 cost a hundred times as much otherwise.
//!
//! Two promises hold for every function of this crate:
//!
//! * **Order of summation is fixed** by the shapes alone: never by the number of threads, nor by
//!   the other rows of a batch. The same row gives the same bits alone or in any company.
//! * **No padding exists.** Batches of ragged sequences are packed ([`Ragged`]): what is not there
//!   can't change a result.

pub mod attention;
pub mod batch_norm;
pub mod binary_cross_entropy;
pub mod buffer;
pub mod ceiling;
pub mod conv;
pub mod cpu;
pub mod cross_entropy;
pub mod draw;
pub mod elementwise;
pub mod embedding;
pub mod gemm;
pub mod linear;
pub mod mlp;
pub mod normal;
pub mod optimizer;
pub mod parallel;
pub mod pooling;
pub mod prelu;
pub mod quantile;
pub mod ragged;
pub mod real;
pub mod recurrent;
pub mod resample;
pub mod shape;
pub mod top;

pub use ragged::Ragged;
pub use real::Real;
pub use shape::ShapeError;
