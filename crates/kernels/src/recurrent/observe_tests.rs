//! Tangents, state gradients, and what is read out of them.

use super::observe::{Stop, cell_path, cosine, gate_saturation, gradient_norm_by_lag};
use super::tests::{CELLS, Case, DIRECTIONS};
use super::*;
use crate::Ragged;
use simurgh_random::Random;

fn draw(n: usize, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    (0..n).map(|_| random.normal()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn the_tangent_equals_finite_differences_and_is_the_adjoint_of_the_gradient() {
    for cell in CELLS {
        for direction in DIRECTIONS {
            for (lengths, input, hidden) in [(&[1][..], 1, 1), (&[5, 5, 4, 2, 1], 3, 7), (&[290, 40], 2, 5)] {
                let case = Case::<f64>::new(cell, lengths, input, hidden);
                let (vx, vh, vc) = (draw(case.x.len(), 1), draw(case.h0.len(), 2), draw(case.c0.len(), 3));
                let (forward, packs) = case.kept(direction);
                let at = case.linearised(&forward, &packs);
                let along = Tangent { x: &vx, initial: State { hidden: &vh, cell: &vc } };
                let moved = tangent(cell, &case.layout, at, along, direction).unwrap();
                let shifted = |e: f64| {
                    let mut case = case.clone();
                    let shift = |to: &mut [f64], by: &[f64]| to.iter_mut().zip(by).for_each(|(t, b)| *t += e * b);
                    shift(&mut case.x, &vx);
                    shift(&mut case.h0, &vh);
                    shift(&mut case.c0, &vc);
                    case.output(direction)
                };
                for ((up, down), got) in shifted(1e-5).iter().zip(shifted(-1e-5)).zip(&moved) {
                    let want = (up - down) / 2e-5;
                    let difference = (want - got).abs();
                    assert!(difference <= 1e-6 * want.abs().max(1.0), "{cell:?} {direction:?}: {want} {got}");
                }
                // <J v, u> = <v, J^T u>
                let u = draw(moved.len(), 4);
                let gradient = case.run(direction, Keep::All, Some(&u)).1.unwrap();
                let there = dot(&moved, &u);
                let back = dot(&vx, &gradient.x) + dot(&vh, &gradient.hidden) + dot(&vc, &gradient.cell);
                assert!((there - back).abs() <= 1e-10 * there.abs().max(1.0), "{cell:?}: {there} {back}");
                // Without the input's share.
                let still = Tangent { x: &[], ..along };
                let (still, zero) = (tangent(cell, &case.layout, at, still, direction).unwrap(), vec![0.0; vx.len()]);
                let also = Tangent { x: &zero, ..along };
                assert_eq!(still, tangent(cell, &case.layout, at, also, direction).unwrap());
            }
        }
    }
}

#[test]
fn gradients_of_every_state_equal_those_of_a_sequence_that_begins_there() {
    for cell in CELLS {
        for direction in DIRECTIONS {
            let (lengths, hidden) = ([7, 7, 5, 1], 6);
            let case = Case::<f64>::new(cell, &lengths, 3, hidden);
            let size = (case.layout.rows() + cell.states() * lengths.len()) * hidden;
            let u = draw(size, 9);
            let (gradient, states) = case.with_states(direction, &u);
            let plain = case.run(direction, Keep::All, Some(&u)).1.unwrap();
            assert_eq!((gradient.x, gradient.weight_hh), (plain.x.clone(), plain.weight_hh.clone()));
            let (to_h, to_c) = case.to_state(direction, &u);
            assert_eq!((to_h, to_c), (plain.hidden, plain.cell));
            // The loss of what comes after step `k` of the first sequence, as a function of the state there.
            let (sequence, k) = (0, 3);
            let row = |t: usize| case.layout.row(if direction == Direction::Forward { t } else { 6 - t }, sequence);
            let (output, cells) = case.all_states(direction);
            let rest: Vec<usize> = (k + 1..7).map(row).collect();
            let loss = |h: &[f64], c: &[f64]| {
                let mut tail = Case::<f64>::new(cell, &[rest.len()], 3, hidden);
                tail.p = case.p.clone();
                let order = |i: usize| if direction == Direction::Forward { i } else { rest.len() - 1 - i };
                tail.x = (0..rest.len()).flat_map(|i| case.x[rest[order(i)] * 3..][..3].to_vec()).collect();
                (tail.h0, tail.c0) = (h.to_vec(), c.to_vec());
                let out = tail.output(direction);
                let own = dot(h, &u[row(k) * hidden..][..hidden]);
                let each =
                    (0..rest.len()).map(|i| dot(&out[i * hidden..][..hidden], &u[rest[order(i)] * hidden..][..hidden]));
                let last: f64 = (0..cell.states())
                    .map(|s| {
                        let at = (case.layout.rows() + s * lengths.len() + sequence) * hidden;
                        dot(&out[(rest.len() + s) * hidden..][..hidden], &u[at..][..hidden])
                    })
                    .sum();
                own + each.sum::<f64>() + last
            };
            let h = output[row(k) * hidden..][..hidden].to_vec();
            let c = if cell.states() == 2 { cells[row(k) * hidden..][..hidden].to_vec() } else { Vec::new() };
            for unit in 0..hidden {
                let slope = |which: usize| {
                    let at = |e: f64| {
                        let (mut h, mut c) = (h.clone(), c.clone());
                        if which == 0 {
                            h[unit] += e
                        } else {
                            c[unit] += e
                        }
                        // h' = o tanh(c'): to move the cell moves the hidden state of the same step.
                        loss(&h, &c)
                    };
                    (at(1e-5) - at(-1e-5)) / 2e-5
                };
                let (got, want) = (states.hidden[row(k) * hidden + unit], slope(0));
                assert!((got - want).abs() < 1e-7 * want.abs().max(1.0), "{cell:?} {direction:?} {got} {want}");
                if cell.states() == 2 {
                    let tanh = c[unit].tanh();
                    let open = h[unit] / tanh;
                    let (got, want) = (
                        states.cell[row(k) * hidden + unit],
                        slope(1) + states.hidden[row(k) * hidden + unit] * open * (1.0 - tanh * tanh),
                    );
                    assert!((got - want).abs() < 1e-6 * want.abs().max(1.0), "{cell:?} {direction:?} {got} {want}");
                }
            }
        }
    }
}

/// `rho` times a rotation of neighbouring pairs of units, each by its own angle: all singular values are `rho`.
fn rotation(hidden: usize, rho: f64) -> Vec<f64> {
    let mut w = vec![0.0; hidden * hidden];
    for pair in 0..hidden / 2 {
        let (sin, cos) = (0.3 + pair as f64).sin_cos();
        let (a, b) = (2 * pair, 2 * pair + 1);
        (w[a * hidden + a], w[a * hidden + b]) = (rho * cos, -rho * sin);
        (w[b * hidden + a], w[b * hidden + b]) = (rho * sin, rho * cos);
    }
    w
}

/// Theory: for h' = W h with W = rho Q the Jacobian product over k steps has norm rho^k: 2.656e-5 and 1.378e4 after 100
/// steps of 0.9 and 1.1. At h = 0 a tanh network is that linear one.
#[test]
fn gradients_of_a_scaled_rotation_vanish_and_explode_as_its_power() {
    for (rho, after_100) in [(0.9f64, 2.656e-5), (1.1, 1.378e4), (1.0, 1.0)] {
        assert!((rho.powi(100) / after_100 - 1.0).abs() < 5e-4);
        for direction in DIRECTIONS {
            let hidden = 6;
            let mut case = Case::<f64>::new(Cell::Rnn(Activation::Tanh), &[101, 101, 30], 2, hidden);
            case.p.weight_hh = rotation(hidden, rho);
            for zero in [&mut case.x, &mut case.h0, &mut case.p.bias_ih, &mut case.p.bias_hh] {
                zero.fill(0.0);
            }
            let rows = case.layout.rows();
            let mut d_output = vec![0.0; (rows + 3) * hidden];
            for j in 0..3 {
                d_output[(rows + j) * hidden] = 1.0;
            }
            let (_, states) = case.with_states(direction, &d_output);
            let norms = gradient_norm_by_lag(&case.layout, &states.hidden, hidden, direction).unwrap();
            assert_eq!(norms.len(), 101);
            for (lag, norm) in norms.iter().enumerate() {
                assert!((norm / rho.powi(lag as i32) - 1.0).abs() < 1e-12, "{rho} {lag}: {norm}");
            }
            let singular = case.singular(direction, Stop { rounds: 50, change: 1e-12 });
            for (value, steps) in singular.values.iter().zip([101, 101, 30]) {
                assert!((value / rho.powi(steps) - 1.0).abs() < 1e-9, "{rho}: {singular:?}");
            }
        }
    }
}

/// The largest singular value against a dense Jacobian from finite differences, whose own is found by a power iteration.
#[test]
fn the_largest_singular_value_is_that_of_the_dense_jacobian() {
    for cell in CELLS {
        for direction in DIRECTIONS {
            let (lengths, hidden, states) = ([6, 4], 5, cell.states());
            let case = Case::<f64>::new(cell, &lengths, 3, hidden);
            let found = case.singular(direction, Stop { rounds: 3000, change: 1e-13 });
            for j in 0..2 {
                let n = states * hidden;
                let final_state = |case: &Case<f64>| -> Vec<f64> {
                    let out = case.output(direction);
                    let at = |s: usize| (case.layout.rows() + s * 2 + j) * hidden;
                    (0..states).flat_map(|s| out[at(s)..][..hidden].to_vec()).collect()
                };
                let column = |k: usize| {
                    let moved = |e: f64| {
                        let mut case = case.clone();
                        let unit = j * hidden + k % hidden;
                        if k < hidden {
                            case.h0[unit] += e
                        } else {
                            case.c0[unit] += e
                        }
                        final_state(&case)
                    };
                    let (up, down) = (moved(1e-5), moved(-1e-5));
                    up.iter().zip(down).map(|(u, d)| (u - d) / 2e-5).collect::<Vec<f64>>()
                };
                let jacobian: Vec<Vec<f64>> = (0..n).map(column).collect();
                let (mut v, mut sigma) = (vec![1.0; n], 0.0);
                for _ in 0..3000 {
                    let moved: Vec<f64> = (0..n).map(|i| (0..n).map(|k| jacobian[k][i] * v[k]).sum()).collect();
                    sigma = dot(&moved, &moved).sqrt();
                    let back: Vec<f64> = jacobian.iter().map(|column| dot(column, &moved)).collect();
                    let length = dot(&back, &back).sqrt();
                    v = back.iter().map(|b| b / length).collect();
                }
                let got = found.values[j];
                assert!((got - sigma).abs() < 1e-5 * sigma, "{cell:?} {direction:?} {j}: {got} {sigma}");
            }
        }
    }
}

/// Theory: with forget gates at sigma(b) and no way through hidden states, the cells' gradient after 20 steps is
/// 2^-20 = 9.5e-7 for b = 0, 1.9e-3 for b = 1, 0.874 for b = 5.
#[test]
fn the_cell_path_is_the_product_of_forget_gates() {
    for (bias, after_20) in [(0.0, 9.5e-7), (1.0, 1.9e-3), (5.0, 0.874)] {
        for direction in DIRECTIONS {
            let hidden = 4;
            let mut case = Case::<f64>::new(Cell::Lstm, &[21, 9], 3, hidden);
            case.p.weight_hh.fill(0.0);
            case.p.weight_ih[hidden * 3..2 * hidden * 3].fill(0.0);
            case.p.bias_ih[hidden..2 * hidden].fill(bias);
            case.p.bias_hh[hidden..2 * hidden].fill(0.0);
            let rows = case.layout.rows();
            let mut d_output = vec![0.0; (rows + 4) * hidden];
            for j in 0..2 {
                d_output[(rows + 2 + j) * hidden] = 1.0;
            }
            let (_, states) = case.with_states(direction, &d_output);
            let saved = case.kept(direction).0.saved;
            let path = cell_path(&case.layout, &saved, &states, hidden, direction).unwrap();
            assert!((path.cell[20] / after_20 - 1.0).abs() < 0.02, "{bias}: {}", path.cell[20]);
            for (lag, (total, cell)) in path.total.iter().zip(&path.cell).enumerate() {
                let want = (1.0 / (1.0 + (-bias).exp())).powi(lag as i32);
                assert!((cell / want - 1.0).abs() < 1e-12 && (total - cell).abs() < 1e-15, "{bias} {lag}");
            }
            assert!(path.rest.iter().all(|r| *r < 1e-15), "{:?}", path.rest);
            // With a way through hidden states there is a rest, and the shares add up.
            let case = Case::<f64>::new(Cell::Lstm, &[21, 9], 3, hidden);
            let (_, states) = case.with_states(direction, &d_output);
            let path = cell_path(&case.layout, &case.kept(direction).0.saved, &states, hidden, direction).unwrap();
            assert!(path.rest[0] < 1e-15 && path.rest[5] > 1e-3 * path.total[5]);
        }
    }
}

#[test]
fn saturation_counts_what_stands_near_an_end() {
    for (bias, below, above) in [(-3.0, 1.0, 0.0), (0.0, 0.0, 0.0), (3.0, 0.0, 1.0)] {
        for (cell, gates) in [(Cell::Lstm, "ifo"), (Cell::Gru, "rz"), (Cell::Rnn(Activation::Tanh), "")] {
            let mut case = Case::<f32>::new(cell, &[5, 2], 3, 20);
            case.p.weight_hh.fill(0.0);
            case.p.weight_ih.fill(0.0);
            case.p.bias_ih.fill(bias);
            case.p.bias_hh.fill(0.0);
            let found = gate_saturation(cell, &case.layout, &case.kept(Direction::Forward).0.saved, 20).unwrap();
            assert_eq!(found.iter().map(|s| s.gate).collect::<String>(), gates);
            assert!(found.iter().all(|s| (s.below, s.above) == (below, above)), "{bias} {found:?}");
        }
    }
}

#[test]
fn cosines() {
    let (a, b) = ([vec![1.0f32, 0.0], vec![2.0]], [vec![0.0f32, 3.0], vec![2.0]]);
    let got = cosine(a.iter().zip(&b)).unwrap();
    assert!((got - 4.0 / (5f64.sqrt() * 13f64.sqrt())).abs() < 1e-12, "{got}");
    assert!(cosine([(&[0.0f32][..], &[1.0f32][..])]).unwrap().is_nan());
    let error = cosine([(&[0.0f32][..], &[1.0f32, 2.0][..])]).unwrap_err().to_string();
    assert_eq!(error, "cosine: length of a part of the second vector is 2, expected 1");
}

#[test]
fn what_does_not_fit_is_an_error() {
    let case = Case::<f32>::new(Cell::Lstm, &[3, 2], 2, 4);
    let (Forward { hidden, saved, .. }, packs) = case.kept(Direction::Forward);
    let weights = packs.weights(&case.p);
    let initial = State { hidden: &case.h0, cell: &case.c0 };
    let run = |x: &[f32], weights, initial, keep| {
        forward(Cell::Lstm, &case.layout, x, weights, initial, Direction::Forward, keep)
    };
    let message = |e: ShapeError| e.to_string();
    let e = message(run(&case.x[1..], weights, initial, Keep::All).unwrap_err());
    assert_eq!(e, "recurrent forward: `x` has 9 elements, expected 10 (rows 5 x input 2)");
    let e = message(run(&case.x, weights, State { hidden: &case.h0[1..], ..initial }, Keep::All).unwrap_err());
    assert_eq!(e, "recurrent forward: `the hidden state` has 7 elements, expected 8 (sequences 2 x hidden 4)");
    let e = message(run(&case.x, weights, State { cell: &[], ..initial }, Keep::All).unwrap_err());
    assert_eq!(e, "recurrent forward: `the cell` has 0 elements, expected 8 (sequences 2 x hidden 4)");
    let short = Weights { bias_hh: &case.p.bias_hh[1..], ..weights };
    let e = message(run(&case.x, short, initial, Keep::All).unwrap_err());
    assert_eq!(e, "recurrent forward: `bias_hh` has 15 elements, expected 16 (gates 4 x hidden 4)");
    let gru = forward(Cell::Gru, &case.layout, &case.x, weights, initial, Direction::Forward, Keep::All);
    assert!(message(gru.unwrap_err()).starts_with("recurrent forward: gates x hidden of weight_ih is 16, expected 12"));
    let e = Cell::Lstm.pack_state_weight(&case.p.weight_hh[1..], 4, true, crate::gemm::Format::Full).unwrap_err();
    let want = "recurrent layer: `weight_hh` has 63 elements, expected 64 (gates 4 x hidden 4 x hidden 4)";
    assert_eq!(message(e), want);

    let d_hidden = vec![0.0; hidden.len()];
    let upstream = |saved, d_hidden| Upstream {
        x: &case.x,
        hidden: &hidden,
        saved,
        initial,
        weights,
        weight_ih: &packs.weight_ih,
        weight_hh: &packs.weight_hh,
        d_hidden,
        d_last: &[],
        wants_x: true,
    };
    let back = |upstream| message(backward(Cell::Lstm, &case.layout, upstream, Direction::Forward).unwrap_err());
    let e = back(upstream(&saved, &d_hidden[1..]));
    assert_eq!(e, "recurrent backward: `d_hidden` has 19 elements, expected 20 (rows 5 x hidden 4)");
    let e = back(Upstream { d_last: &d_hidden[..3], ..upstream(&saved, &d_hidden) });
    let want = "recurrent backward: `d_last` has 3 elements, expected 16 (states 2 x sequences 2 x hidden 4)";
    assert_eq!(e, want);
    let nothing = run(&case.x, weights, initial, Keep::Nothing).unwrap().saved;
    let e = back(upstream(&nothing, &d_hidden));
    assert_eq!(e, "recurrent backward: the forward pass kept nothing for it");
    // What a pass over another batch kept.
    let other = Case::<f32>::new(Cell::Lstm, &[3, 3], 2, 4).kept(Direction::Forward).0.saved;
    assert!(back(upstream(&other, &d_hidden)).contains("kept"), "{}", back(upstream(&other, &d_hidden)));

    let e = gradient_norm_by_lag(&case.layout, &[0.0f32; 3], 4, Direction::Forward).unwrap_err();
    assert!(message(e).contains("expected 20 (rows 5 x hidden 4)"));
    let layout = Ragged::new(&[3, 2, 1]).unwrap();
    assert!(gate_saturation(Cell::Lstm, &layout, &saved, 4).is_err());
}
