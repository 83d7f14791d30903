//! The gradients of a module's parameters: of tables, only the rows that were used.

use crate::pass::Pass;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Gradients, Tensor};
use simurgh_kernels::ShapeError;
use simurgh_kernels::optimizer::{Gradient, square_sum};
use simurgh_kernels::recurrent::observe::cosine;
use simurgh_kernels::shape::Check;
use std::sync::{Arc, Mutex, PoisonError};

/// Where embeddings put the gradients of the rows they used, instead of a table of zeros with these rows in it.
#[derive(Debug, Default)]
pub struct RowGradients(Mutex<Vec<Used>>);

/// What one use of a table gave.
#[derive(Debug)]
struct Used {
    table: ParamId,
    ids: Arc<[u32]>,
    width: usize,
    /// `[ids, width]`
    data: Vec<f32>,
}

impl RowGradients {
    /// The gradient of `table[ids]`.
    pub(crate) fn push(&self, table: ParamId, ids: Arc<[u32]>, width: usize, data: Vec<f32>) {
        let used = Used { table, ids, width, data };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(used);
    }

    /// All uses of a table, which are then forgotten.
    fn take(&self, table: ParamId) -> Vec<Used> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (own, others) = std::mem::take(&mut *all).into_iter().partition(|used| used.table == table);
        *all = others;
        own
    }
}

/// The gradient of one parameter.
#[derive(Clone, Debug)]
enum Own {
    Dense(Vec<f32>),
    /// Rows of a table of `len` elements; that of the other rows is 0.
    Rows {
        ids: Vec<u32>,
        width: usize,
        data: Vec<f32>,
        len: usize,
    },
}

impl Own {
    fn view(&self) -> Gradient<'_, f32> {
        match self {
            Self::Dense(data) => Gradient::Dense(data),
            Self::Rows { ids, width, data, .. } => Gradient::Rows { ids, width: *width, data },
        }
    }

    /// Numbers of the parameter.
    fn len(&self) -> usize {
        match self {
            Self::Dense(data) => data.len(),
            Self::Rows { len, .. } => *len,
        }
    }

    /// What it has of numbers other than 0.
    fn numbers(&self) -> &[f32] {
        match self {
            Self::Dense(data) | Self::Rows { data, .. } => data,
        }
    }

    /// Adds rows, in their order.
    fn add_rows(&mut self, ids: &[u32], width: usize, data: &[f32]) {
        match self {
            Self::Dense(sum) => add_rows(data, width, ids, sum),
            Self::Rows { ids: known, data: sums, len, .. } => {
                let mut all: Vec<u32> = known.iter().chain(ids).copied().collect();
                all.sort_unstable();
                all.dedup();
                let place = |id: &u32| all.binary_search(id).expect("every id is among all") as u32;
                let mut sum = vec![0.0; all.len() * width];
                for (ids, data) in [(&known[..], &sums[..]), (ids, data)] {
                    let places: Vec<u32> = ids.iter().map(place).collect();
                    add_rows(data, width, &places, &mut sum);
                }
                *self = Self::Rows { ids: all, width, data: sum, len: *len };
            }
        }
    }

    fn dense(&self) -> std::borrow::Cow<'_, [f32]> {
        match self {
            Self::Dense(data) => data.into(),
            Self::Rows { ids, width, data, len } => {
                let mut all = vec![0.0; *len];
                add_rows(data, *width, ids, &mut all);
                all.into()
            }
        }
    }
}

/// Adds rows to a table that has them: ids were checked when it was read.
fn add_rows(data: &[f32], width: usize, ids: &[u32], table: &mut [f32]) {
    simurgh_kernels::embedding::backward(data, width, ids, table).expect("rows of the table");
}

/// Gradients of every parameter, in order.
#[derive(Clone, Debug)]
pub struct Accumulated(Vec<Own>);

impl Accumulated {
    /// Takes the gradients of one backward pass, whose forward pass was `pass`; a parameter that it did not reach has zeros.
    pub fn take(module: &impl Module, gradients: &mut Gradients, pass: &Pass) -> Self {
        struct Take<'a> {
            gradients: &'a mut Gradients,
            rows: Option<&'a RowGradients>,
            all: Vec<Own>,
        }
        impl ModuleVisitor for Take<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let value = param.val();
                let len = value.dims().iter().product();
                let uses = self.rows.map(|rows| rows.take(param.id)).unwrap_or_default();
                let mut own = match value.grad_remove(self.gradients) {
                    Some(gradient) => {
                        Own::Dense(gradient.into_data().convert::<f32>().try_into_vec().expect("f32 gradients"))
                    }
                    None if uses.is_empty() => Own::Dense(vec![0.0; len]),
                    None => Own::Rows { ids: Vec::new(), width: uses[0].width, data: Vec::new(), len },
                };
                for used in uses {
                    own.add_rows(&used.ids, used.width, &used.data);
                }
                self.all.push(own);
            }
        }
        let mut take = Take { gradients, rows: pass.rows.as_deref(), all: Vec::new() };
        module.visit(&mut take);
        Self(take.all)
    }

    /// Adds those of another pass.
    ///
    /// # Errors
    /// If it was of other parameters.
    pub fn add(&mut self, other: Self) -> Result<(), ShapeError> {
        self.alike(&other, Check("sum of gradients"))?;
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            match (&mut *sum, more) {
                (Own::Dense(sum), Own::Dense(more)) => sum.iter_mut().zip(more).for_each(|(s, m)| *s += m),
                (sum, Own::Rows { ids, width, data, .. }) => sum.add_rows(&ids, width, &data),
                (rows, Own::Dense(mut more)) => {
                    if let Own::Rows { ids, width, data, .. } = rows {
                        add_rows(data, *width, ids, &mut more);
                    }
                    *rows = Own::Dense(more);
                }
            }
        }
        Ok(())
    }

    fn alike(&self, other: &Self, check: Check) -> Result<(), ShapeError> {
        check.dimension("number of parameters", other.0.len(), self.0.len())?;
        let mut lengths = other.0.iter().map(Own::len).zip(self.0.iter().map(Own::len));
        lengths.try_for_each(|(got, expected)| check.dimension("length of a parameter", got, expected))
    }

    /// Euclidean norm over all parameters together. Costs one reading.
    pub fn norm(&self) -> f64 {
        self.0.iter().map(|g| square_sum(g.numbers())).sum::<f64>().sqrt()
    }

    /// The parameter, by number in the order of [`crate::parameters::collect`], that has most of the norm, and its own norm.
    /// Costs one reading.
    pub fn heaviest(&self) -> Option<(usize, f64)> {
        let norms = self.0.iter().map(|g| square_sum(g.numbers()).sqrt()).enumerate();
        norms.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The cosine of the angle between these gradients and others of the same parameters, such as truncated and full ones: 1
    /// is the same direction. Costs one reading of both, and a copy of a table where only rows of it were used.
    ///
    /// # Errors
    /// If they are of other parameters.
    pub fn cosine(&self, other: &Self) -> Result<f64, ShapeError> {
        self.alike(other, Check("cosine of gradients"))?;
        cosine(self.0.iter().map(Own::dense).zip(other.0.iter().map(Own::dense)))
    }

    /// The first parameter, by number, with a NaN or an infinity in its gradient. Costs one reading.
    pub fn non_finite(&self) -> Option<usize> {
        self.0.iter().position(|g| g.numbers().iter().any(|x| !x.is_finite()))
    }

    /// The parameter, by number, with the largest number in its gradient. Costs one reading.
    pub fn largest(&self) -> Option<usize> {
        let most = |own: &Own| own.numbers().iter().fold(0.0f32, |most, x| most.max(x.abs()));
        (0..self.0.len()).max_by(|a, b| most(&self.0[*a]).total_cmp(&most(&self.0[*b])))
    }

    /// What clipping to a global norm of `most` makes of the gradients times `scale` (Pascanu et al. 2013); a `most` of 0 is
    /// no clipping. Nothing is multiplied yet: the optimizer does so as it reads them. Costs one reading.
    pub fn clip(&self, scale: f64, most: f64) -> Clipping {
        let before = self.norm() * scale;
        let factor = if most > 0.0 && before > most { most / before } else { 1.0 };
        Clipping { before, after: before * factor, scale: scale * factor, clipped: factor < 1.0 }
    }

    /// Numbers of each parameter.
    pub(super) fn lengths(&self) -> Vec<usize> {
        self.0.iter().map(Own::len).collect()
    }

    pub(super) fn views(&self) -> impl Iterator<Item = Gradient<'_, f32>> {
        self.0.iter().map(Own::view)
    }
}

/// Global norms before and after clipping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clipping {
    /// The norm that came.
    pub before: f64,
    /// The norm that goes on.
    pub after: f64,
    /// What every gradient is to be multiplied with.
    pub scale: f64,
    /// Are the two norms different?
    pub clipped: bool,
}
