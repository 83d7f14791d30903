//! Products against the naive reference: every shape and layout, rounding, any company and number of threads.

use super::*;
use crate::buffer::Aligned;
use simurgh_random::Random;

fn case<T: Real>(m: usize, k: usize, n: usize, ta: bool, tb: bool, start: u8, tolerance: f64) {
    let mut random = Random::new((m * 1000 + k * 10 + n) as u64);
    let mut draw = |n: usize| -> Vec<T> { (0..n).map(|_| T::from_f64(random.normal())).collect() };
    let (a, b, c0, bias) = (draw(m * k), draw(k * n), draw(m * n), draw(n));
    let va = if ta { View::new(&a, k, m).transposed() } else { View::new(&a, m, k) };
    let vb = if tb { View::new(&b, n, k).transposed() } else { View::new(&b, k, n) };
    let start = [Start::Zero, Start::Add, Start::Bias(&bias)][start as usize];
    let (mut got, mut want) = (c0.clone(), c0);
    gemm(va, &Packed::new(vb), &mut got, start);
    reference::gemm(va, vb, &mut want, start);
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        let difference = (g.to_f64() - w.to_f64()).abs();
        assert!(difference <= tolerance * (1.0 + k as f64 / 8.0), "{m}x{k}x{n} at {i}: {g:?} {w:?}");
    }
}

#[test]
fn equals_the_reference_on_every_shape_and_layout() {
    for (m, k, n) in [
        (0, 3, 4),
        (3, 0, 4),
        (3, 4, 0),
        (1, 1, 1),
        (1, 300, 33),
        (13, 7, 31),
        (5, 257, 64),
        (64, 512, 100),
        (37, 600, 17),
        (130, 40, 260),
    ] {
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
            for start in 0..3 {
                case::<f32>(m, k, n, ta, tb, start, 2e-6);
                case::<f64>(m, k, n, ta, tb, start, 1e-14);
            }
        }
    }
}

#[test]
fn rounded_operands_give_the_product_of_rounded_numbers() {
    let rounded = |x: &[f32]| -> Vec<f64> { x.iter().map(|x| f64::from(x.to_bf16())).collect() };
    for (m, k, n) in [(0, 3, 4), (3, 0, 4), (1, 1, 1), (1, 300, 333), (13, 7, 31), (5, 257, 64), (37, 601, 17)] {
        let mut random = Random::new((m * 1000 + k * 10 + n) as u64);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.normal() as f32).collect() };
        let (a, b, bias) = (draw(m * k), draw(k * n), draw(n));
        let wide_bias: Vec<f64> = bias.iter().map(|&b| f64::from(b)).collect();
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
            let va = if ta { View::new(&a, k, m).transposed() } else { View::new(&a, m, k) };
            let vb = if tb { View::new(&b, n, k).transposed() } else { View::new(&b, k, n) };
            let mut got = vec![0.0f32; m * n];
            gemm(va, &Packed::with_format(vb, Format::Bf16), &mut got, Start::Bias(&bias));
            let (wide_a, wide_b) = (rounded(&a), rounded(&b));
            let mut want = vec![0.0f64; m * n];
            let va = if ta { View::new(&wide_a, k, m).transposed() } else { View::new(&wide_a, m, k) };
            let vb = if tb { View::new(&wide_b, n, k).transposed() } else { View::new(&wide_b, k, n) };
            // The same through registers of the full type.
            let mut emulated = want.clone();
            gemm(va, &Packed::with_format(vb, Format::Bf16), &mut emulated, Start::Bias(&wide_bias));
            reference::gemm(va, vb, &mut want, Start::Bias(&wide_bias));
            for (i, w) in want.iter().enumerate() {
                let tolerance = 2e-6 * (1.0 + k as f64 / 8.0);
                let difference = (f64::from(got[i]) - w).abs();
                assert!(difference <= tolerance, "{m}x{k}x{n} {ta} {tb} at {i}: {} {w}", got[i]);
                let difference = (emulated[i] - w).abs();
                assert!(difference <= 1e-12 * (1.0 + k as f64), "{m}x{k}x{n} at {i}: {} {w}", emulated[i]);
            }
        }
    }
}

#[test]
fn a_row_gives_the_same_bits_in_any_company_and_with_any_number_of_threads() {
    let (m, k, n) = (71, 300, 90);
    let mut random = Random::new(5);
    let a: Vec<f32> = (0..m * k).map(|_| random.normal() as f32).collect();
    let b: Vec<f32> = (0..k * n).map(|_| random.normal() as f32).collect();
    for format in [Format::Full, Format::Bf16] {
        let packed = Packed::with_format(View::new(&b, k, n), format);
        let mut all = vec![0.0; m * n];
        gemm(View::new(&a, m, k), &packed, &mut all, Start::Zero);
        for i in 0..m {
            let mut alone = vec![0.0; n];
            gemm_serial(View::new(&a, m, k).rows(i..i + 1), &packed, &mut alone, Start::Zero);
            assert!(alone == all[i * n..(i + 1) * n], "{format:?} row {i}");
        }
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut got = vec![0.0; m * n];
            pool.install(|| gemm(View::new(&a, m, k), &packed, &mut got, Start::Zero));
            assert!(got == all, "{format:?} {threads}");
        }
    }
}

/// A micro-kernel over words of two numbers on both sides, in plain Rust.
unsafe fn words(t: Tile<'_, f32>) {
    let strip = t.strips[0];
    let halves = |word: u32| [f32::from_bf16_bits(word as u16), f32::from_bf16_bits((word >> 16) as u16)];
    for i in 0..t.rows {
        for j in 0..strip.cols {
            // SAFETY: the caller's contract.
            unsafe {
                let c = strip.c.add(i * strip.c_row + j);
                let mut sum = if strip.add { *c } else { 0.0 };
                for p in 0..t.depth {
                    let a = halves(*t.a.cast::<u32>().add(i * t.a_row + p * t.a_col));
                    let b = halves(*strip.panel.cast::<u32>().add(p * WORDS_WIDTH + j));
                    sum += a[0] * b[0] + a[1] * b[1];
                }
                *c = sum;
            }
        }
    }
}

const WORDS_WIDTH: usize = 8;

/// The join of its left operand.
unsafe fn join(
    from: *const f32,
    (row, col): (usize, usize),
    (height, depth): (usize, usize),
    to: *mut u32,
) -> (usize, usize) {
    for i in 0..height {
        for p in 0..depth.div_ceil(2) {
            // SAFETY: the caller's contract.
            unsafe {
                let bits = |k: usize| if k < depth { u32::from((*from.add(i * row + k * col)).bf16_bits()) } else { 0 };
                *to.add(p * height + i) = bits(2 * p) | bits(2 * p + 1) << 16;
            }
        }
    }
    (1, height)
}

/// What a processor that multiplies pairs reads, on any: halves in place, odd, misaligned or lying the other way round.
#[test]
fn a_left_operand_of_halves_gives_the_product_of_its_numbers() {
    let pairs = Pairs { rows: 12, run: words, join: Some(join as _) };
    let micro = Micro { rows: 12, cols: WORDS_WIDTH, few_rows: 0, run: words, pairs: Some(pairs), ..f32::micro() };
    let mut random = Random::new(8);
    for (m, k, n, stride) in [
        (1usize, 1usize, 1usize, 1),
        (13, 7, 17, 7),
        (12, 256, 8, 258),
        (5, 258, 20, 260),
        (24, 33, 9, 40),
        (11, 600, 8, 602),
        (23, 514, 3, 515),
    ] {
        for (transposed, skipped) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
            let (height, width) = if transposed { (k, m) } else { (m, k) };
            let stride = stride.max(width + skipped) + if transposed { m } else { 0 };
            let halves: Vec<u16> = (0..height * stride).map(|_| (random.normal() as f32).bf16_bits()).collect();
            let numbers: Vec<f32> = halves.iter().map(|h| f32::from_bf16_bits(*h)).collect();
            let b: Vec<f32> = (0..k * n).map(|_| (random.normal() as f32).to_bf16()).collect();
            let mut packed: Packed<f32> = Packed {
                storage: Storage::Pairs(Aligned::unwritten(k.div_ceil(2) * n.next_multiple_of(WORDS_WIDTH))),
                depth: k,
                cols: n,
                width: WORDS_WIDTH,
            };
            packed.pack(|part: Part<'_, f32>| part.lines(|row, first| &b[row * n + first..(row + 1) * n]));
            let own = skipped..skipped + width;
            let left = Left::Halves(View::strided(&halves, height, stride, stride).columns(own.clone()));
            let view = View::strided(&numbers, height, stride, stride).columns(own);
            let (left, view) = if transposed { (left.transposed(), view.transposed()) } else { (left, view) };
            let mut want = vec![0.0; m * n];
            reference::gemm(view, View::new(&b, k, n), &mut want, Start::Zero);
            for left in [left, Left::Numbers(view)] {
                let mut got = vec![f32::NAN; m * n];
                let product = Product::new(&packed, got.as_mut_ptr(), n, &[]);
                // SAFETY: shapes and formats fit, the result is ours.
                unsafe { region(micro, &left, &[Piece { rows: 0..m, to: 0 }], &[product], None) };
                for (i, (g, w)) in got.iter().zip(&want).enumerate() {
                    let difference = (g - w).abs();
                    assert!(difference <= 1e-4, "{m}x{k}x{n} {transposed} {skipped} at {i}: {g} {w}");
                }
            }
        }
    }
}
