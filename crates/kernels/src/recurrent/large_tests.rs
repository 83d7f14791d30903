//! Layers of several blocks of rows, with sequences or units shared out over the threads: what the small cases never reach.

use super::reference::sequence;
use super::tests::{CELLS, Case, DIRECTIONS};
use super::{Cell, Direction, Keep};
use crate::Real;
use crate::gemm::Format;
use simurgh_random::Random;

/// Sequences shared out over the threads, then too few of them: units are.
const SHAPES: [(&[usize], usize, usize); 3] =
    [(&[110, 109, 109, 90, 70, 50, 48, 47, 39, 39, 8, 3], 20, 48), (&[270, 100, 90], 24, 64), (&[300], 16, 64)];

/// What the equations give for all hidden states, one unit at a time.
fn by_the_equations<T: Real>(case: &Case<T>, direction: Direction) -> Vec<T> {
    let (input, hidden) = (case.input, case.hidden);
    let mut all = vec![T::ZERO; case.layout.rows() * hidden];
    for (j, &length) in case.layout.lengths().iter().enumerate() {
        let row = |t: usize| case.layout.row(t, j);
        let x: Vec<Vec<T>> = (0..length).map(|t| case.x[row(t) * input..][..input].to_vec()).collect();
        let c0 = case.c0.chunks(hidden).nth(j).map(<[T]>::to_vec).unwrap_or_default();
        let (states, _, _) = sequence(case.cell, &case.p, &x, case.h0[j * hidden..][..hidden].to_vec(), c0, direction);
        for (t, h) in states.iter().enumerate() {
            all[row(t) * hidden..][..hidden].copy_from_slice(h);
        }
    }
    all
}

#[test]
fn forward_equals_the_equations() {
    for (lengths, input, hidden) in SHAPES {
        for (cell, direction) in CELLS.into_iter().flat_map(|cell| DIRECTIONS.map(|direction| (cell, direction))) {
            let case = Case::<f64>::new(cell, lengths, input, hidden);
            for (got, want) in case.output(direction).iter().zip(&by_the_equations(&case, direction)) {
                assert!((got - want).abs() <= 1e-9, "{cell:?} {lengths:?} {direction:?}: {got} {want}");
            }
        }
    }
}

/// Of every operand along a random direction; a kink of the RNN with ReLU would lie on the way.
#[test]
fn gradients_equal_directional_derivatives_in_f64() {
    type Pick = fn(&mut Case<f64>) -> &mut Vec<f64>;
    let picks: [(&str, Pick); 7] = [
        ("x", |c| &mut c.x),
        ("weight_ih", |c| &mut c.p.weight_ih),
        ("weight_hh", |c| &mut c.p.weight_hh),
        ("bias_ih", |c| &mut c.p.bias_ih),
        ("bias_hh", |c| &mut c.p.bias_hh),
        ("h0", |c| &mut c.h0),
        ("c0", |c| &mut c.c0),
    ];
    for (lengths, input, hidden) in SHAPES {
        for (cell, direction) in CELLS[..3].iter().flat_map(|&cell| DIRECTIONS.map(|direction| (cell, direction))) {
            let case = Case::<f64>::new(cell, lengths, input, hidden);
            let size = (case.layout.rows() + cell.states() * lengths.len()) * hidden;
            let mut random = Random::new(3);
            let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| random.normal()).collect() };
            let d_output = draw(size);
            let g = case.run(direction, Keep::Borders, Some(&d_output)).1.unwrap();
            let gradients = [&g.x, &g.weight_ih, &g.weight_hh, &g.bias_ih, &g.bias_hh, &g.hidden, &g.cell];
            for ((name, pick), gradient) in picks.into_iter().zip(gradients) {
                let along = draw(gradient.len());
                let loss = |step: f64| -> f64 {
                    let mut moved = case.clone();
                    pick(&mut moved).iter_mut().zip(&along).for_each(|(x, d)| *x += step * d);
                    moved.output(direction).iter().zip(&d_output).map(|(a, b)| a * b).sum()
                };
                let numeric = (loss(1e-6) - loss(-1e-6)) / 2e-6;
                let exact: f64 = gradient.iter().zip(&along).map(|(g, d)| g * d).sum();
                let size: f64 = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                let difference = (numeric - exact).abs();
                assert!(
                    difference <= 1e-5 * size + 1e-6,
                    "{cell:?} {lengths:?} {direction:?} {name}: {numeric} {exact}"
                );
            }
        }
    }
}

/// As the equations propagate them, in the state, in the weights and in the input.
#[test]
fn nan_and_infinity_go_where_ieee_says() {
    type Pick = fn(&mut Case<f32>) -> &mut Vec<f32>;
    let picks: [Pick; 4] = [|c| &mut c.x, |c| &mut c.h0, |c| &mut c.c0, |c| &mut c.p.weight_hh];
    for (cell, hidden) in CELLS.into_iter().flat_map(|cell| [(cell, 5), (cell, 64)]) {
        for (k, pick) in picks.into_iter().enumerate().filter(|(k, _)| *k != 2 || cell == Cell::Lstm) {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for format in [Format::Full, Format::Bf16] {
                    let mut case = Case::<f32> { format, ..Case::new(cell, &[4, 2], 3, hidden) };
                    pick(&mut case)[1] = bad;
                    let want = by_the_equations(&case, Direction::Forward);
                    let size = (case.layout.rows() + cell.states() * 2) * hidden;
                    let (got, gradient) = case.run(Direction::Forward, Keep::All, Some(&vec![1.0; size]));
                    let what = format!("{cell:?} {hidden} operand {k} {bad} {format:?}");
                    for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                        assert_eq!(got.is_nan(), want.is_nan(), "{what} at {i}: {got} {want}");
                    }
                    // A sum over rows one of which is not a number is none either.
                    let gradient = gradient.unwrap();
                    let poisoned = want.iter().any(|h| h.is_nan());
                    assert!(!poisoned || gradient.weight_hh.iter().any(|g| g.is_nan()), "{what}");
                    // The derivative of ReLU is a comparison.
                    let compares = cell == CELLS[3];
                    assert!(!poisoned || compares || gradient.bias_ih.iter().any(|g| g.is_nan()), "{what}");
                }
            }
        }
    }
}
