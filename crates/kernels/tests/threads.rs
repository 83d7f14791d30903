//! One, two or three threads give the same bits, at sizes that are shared out. (Layers and products have such tests of their
//! own.)

use simurgh_kernels::attention::{self, Groups, Operands, Prepared};
use simurgh_kernels::cross_entropy::{Problem, cross_entropy};
use simurgh_kernels::gemm::{Packed, View};
use simurgh_kernels::{Ragged, embedding, linear};
use simurgh_random::Random;

fn draw(random: &mut Random, n: usize) -> Vec<f32> {
    (0..n).map(|_| random.normal() as f32).collect()
}

/// What `work` makes with each number of threads.
fn the_same(what: &str, work: impl Fn() -> Vec<Vec<f32>> + Sync) {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let made = pool.install(&work);
        assert!(made.iter().flatten().all(|x| x.is_finite()), "{what}");
        made.into_iter().map(|all| all.into_iter().map(f32::to_bits).collect()).collect::<Vec<Vec<u32>>>()
    };
    let one = with(1);
    for threads in [2, 3] {
        assert!(with(threads) == one, "{what}: {threads} threads");
    }
}

#[test]
fn losses_and_affine_maps() {
    let (rows, width, classes) = (300, 40, 500);
    let mut random = Random::new(1);
    let (hidden, weight, bias) =
        (draw(&mut random, rows * width), draw(&mut random, classes * width), draw(&mut random, classes));
    let targets: Vec<u32> = (0..rows as u32).map(|i| i * 7 % classes as u32).collect();
    let view = View::new(&weight, classes, width);
    the_same("cross-entropy", || {
        let weight_t = &Packed::new(view.transposed());
        let problem =
            Problem { hidden: &hidden, weight_t, bias: Some(&bias), targets: &targets, barred: &[], smoothing: 0.1 };
        let (loss, gradient) = cross_entropy(problem, Some(&Packed::new(view))).unwrap();
        let gradient = gradient.unwrap();
        vec![vec![loss.smoothed as f32, loss.nll as f32], gradient.hidden, gradient.weight, gradient.bias]
    });
    the_same("affine map", || {
        let tanh = linear::Activation::Tanh;
        let y = linear::forward(&hidden, &Packed::new(view.transposed()), Some(&bias), tanh).unwrap();
        let g = linear::backward(&hidden, &y, &y, &Packed::new(view), tanh, true).unwrap();
        vec![y, g.x, g.weight, g.bias]
    });
    the_same("dropout", || {
        let mut x = vec![1.0; 1 << 18];
        let keys: Vec<u32> = (0..1 << 10).collect();
        embedding::dropout(&mut x, 1 << 8, &keys, 0.3, 5).unwrap();
        vec![x]
    });
}

#[test]
fn attention_at_once_and_step_by_step() {
    let (width, depth) = (40, 50);
    let (queries, sources) =
        (Ragged::new(&[20, 19, 19, 7, 5, 1]).unwrap(), Ragged::new(&[64, 60, 44, 44, 30, 3]).unwrap());
    let sentences = [3, 0, 1, 5, 4, 2];
    let groups = Groups::aligned(&queries, &sources, &sentences);
    let mut random = Random::new(2);
    let (query, key) = (draw(&mut random, queries.rows() * width), draw(&mut random, sources.rows() * width));
    let (value, vector) = (draw(&mut random, sources.rows() * depth), draw(&mut random, width));
    let d_context = draw(&mut random, queries.rows() * depth);
    for additive in [None, Some(&vector[..])] {
        let operands = Operands { query: &query, key: &key, value: &value, additive, width, depth };
        the_same("attention", || {
            let (context, weights) = attention::forward(operands, &groups).unwrap();
            let g = attention::backward(operands, &groups, &weights, &d_context).unwrap();
            vec![context, weights, g.query, g.key, g.value, g.additive]
        });
        let rows: Vec<Vec<usize>> =
            (0..6).map(|s| (0..sources.lengths()[s]).map(|t| sources.row(t, s)).collect()).collect();
        let prepared = Prepared::new(&key, &value, additive, (width, depth), &rows).unwrap();
        // Eight hypotheses a sequence.
        let sequence_of: Vec<usize> = (0..48).map(|i| i / 8).collect();
        let cells: usize = sequence_of.iter().map(|&s| sources.lengths()[s]).sum();
        the_same("a step's attention", || {
            let (mut weights, mut context) = (vec![0.0; cells], vec![0.0; 48 * depth]);
            prepared.attend(&query[..48 * width], &sequence_of, &mut weights, &mut context).unwrap();
            vec![weights, context]
        });
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let error = |result: Result<(), simurgh_kernels::ShapeError>| result.unwrap_err().to_string();
    let mut groups = Groups::default();
    groups.push([0, 1], [0, 1, 2]);
    let (query, key, value) = ([0.0f32; 8], [0.0f32; 12], [0.0f32; 15]);
    let operands = Operands { query: &query, key: &key, value: &value, additive: None, width: 4, depth: 5 };
    assert!(attention::forward(operands, &groups).is_ok());
    let short = Operands { key: &key[..8], ..operands };
    assert_eq!(
        error(attention::forward(short, &groups).map(drop)),
        "attention: `key` has 8 elements, expected 12 (sources 3 x width 4)"
    );
    let vector = Operands { additive: Some(&query[..2]), ..operands };
    assert_eq!(
        error(attention::forward(vector, &groups).map(drop)),
        "attention: `the vector of additive scores` has 2 elements, expected 4 (width 4)"
    );
    let none = Operands { width: 0, query: &[], key: &[], ..operands };
    assert_eq!(error(attention::forward(none, &groups).map(drop)), "attention: the width of queries and keys is 0");
    let mut lonely = groups.clone();
    lonely.push([2], []);
    let more = [0.0f32; 12];
    let lonely = attention::forward(Operands { query: &more, ..operands }, &lonely);
    assert_eq!(error(lonely.map(drop)), "attention: the number of sources of a group is 0");
    // The same source in two groups is summed on one thread, a query that is missing is noticed.
    let mut twice = groups.clone();
    twice.push([2], [1]);
    assert!(attention::forward(Operands { query: &more, ..operands }, &twice).is_ok());
    twice.push([5], [1]);
    let missing = attention::forward(Operands { query: &more, ..operands }, &twice);
    assert_eq!(error(missing.map(drop)), "attention: the row of query 3 is 5, expected less than 4");

    let mut far = groups.clone();
    far.push([2], [usize::MAX]);
    let far = attention::forward(Operands { query: &more, ..operands }, &far);
    let want = format!("attention: the source of entry 3 is {}, expected less than 3", usize::MAX);
    assert_eq!(error(far.map(drop)), want);

    let weight = Packed::new(View::new(&value, 3, 5));
    let weight_t = Packed::new(View::new(&value, 3, 5).transposed());
    let x = linear::forward(&key, &weight_t, None, linear::Activation::Identity);
    assert_eq!(error(x.map(drop)), "linear: `x` has 12 elements, expected 10 (rows 2 x input 5)");
    let y = linear::backward(&value, &[0.0; 6], &[0.0; 9], &weight, linear::Activation::Identity, true);
    assert_eq!(error(y.map(drop)), "linear backward: `y` has 6 elements, expected 9 (rows 3 x columns 3)");
    let problem =
        Problem { hidden: &value, weight_t: &weight_t, bias: None, targets: &[0, 2, 3], barred: &[], smoothing: 0.0 };
    assert_eq!(
        error(cross_entropy(problem, None).map(drop)),
        "cross_entropy: the target of row 2 is 3, expected less than 3"
    );
}
