//! Our layers against PyTorch's, forward and gradients, see `goldens/recurrent` and `goldens/attention`.

use serde_json::Value;
use simurgh_nn::Ragged;
use simurgh_nn::burn::module::{Module, ModuleVisitor, Param};
use simurgh_nn::burn::tensor::{Device, Gradients, Tensor, TensorData};
use simurgh_nn::init::Init;
use simurgh_nn::ops::{Activation, Score, attention, linear};
use simurgh_nn::parameters::{Parameter, collect, replace};
use simurgh_nn::pass::{Pass, Precision};
use simurgh_nn::recurrent::{CellKind, RecurrentConfig, State};
use std::sync::Arc;

fn cases(text: &str) -> Vec<Value> {
    let goldens: Value = serde_json::from_str(text).unwrap();
    let cases = goldens["cases"].as_array().unwrap().clone();
    assert!(cases.len() >= 3);
    cases
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn numbers(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn tensor<const D: usize>(data: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::<D>::from_data(TensorData::new(data, shape), &Device::flex().autodiff()).require_grad()
}

fn close<const D: usize>(got: &Tensor<D>, want: &Value, what: &str) {
    let got: Vec<f32> = got.clone().into_data().iter::<f32>().collect();
    let want = floats(want);
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        let difference = (g - w).abs();
        assert!(difference <= 2e-5 * (1.0 + w.abs()), "{what}[{i}]: {g}, PyTorch {w}");
    }
}

struct NamedGradients<'a>(&'a Gradients, Vec<Tensor<1>>);

impl ModuleVisitor for NamedGradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let size: usize = value.dims().iter().product();
        self.1.push(value.grad(self.0).expect("a gradient of every parameter").reshape([size]));
    }
}

#[test]
fn recurrent_layers_equal_pytorch() {
    let cases = cases(include_str!("../../../goldens/recurrent/values.json"));
    for cell in ["lstm", "gru", "rnn-tanh", "rnn-relu"] {
        assert!(cases.iter().filter(|c| c["cell"] == cell).count() >= 4);
    }
    for case in cases {
        let cell: CellKind = serde_json::from_value(case["cell"].clone()).unwrap();
        let lengths = numbers(&case["lengths"]);
        let (input, hidden, layers) = (number(&case["input"]), number(&case["hidden"]), number(&case["layers"]));
        let bidirectional = case["bidirectional"].as_bool().unwrap();
        let what = format!("{cell:?} {lengths:?}");
        let device = Device::flex().autodiff();
        let module =
            RecurrentConfig { cell, input, hidden, layers, bidirectional }.init(&Init::new(0, &device), "").unwrap();
        let theirs = case["parameters"].as_object().unwrap();
        let values = theirs.iter().map(|(name, p)| Parameter {
            name: name.clone(),
            shape: numbers(&p["shape"]),
            data: floats(&p["value"]),
        });
        let module = replace(module, values.collect()).expect("the names and shapes of PyTorch");
        let layout = Arc::new(Ragged::new(&lengths).unwrap());
        let (n, states) = (lengths.len(), layers * if bidirectional { 2 } else { 1 });
        let x = tensor(floats(&case["x"]), [layout.rows(), input]);
        // The hidden state, and the LSTM's cell.
        let kinds: Vec<&str> = if cell == CellKind::Lstm { vec!["h", "c"] } else { vec!["h"] };
        let first: Vec<Tensor<3>> =
            kinds.iter().map(|k| tensor(floats(&case[format!("{k}0")]), [states, n, hidden])).collect();
        let pick = |t: &Tensor<3>, i: usize| t.clone().slice([i..i + 1, 0..n, 0..hidden]).reshape([n, hidden]);
        let initial: Vec<State> =
            (0..states).map(|i| State { hidden: pick(&first[0], i), cell: first.get(1).map(|c| pick(c, i)) }).collect();
        let (output, finals) = module.forward(x.clone(), &layout, Some(&initial), &mut Pass::default()).unwrap();
        close(&output, &case["output"], &format!("{what} output"));
        let weigh = |t: &Tensor<2>, name: &str| (t.clone() * tensor(floats(&case[name]), t.dims()).detach()).sum();
        let mut loss = weigh(&output, "d_output");
        for kind in &kinds {
            let of = |s: &State| if *kind == "h" { s.hidden.clone() } else { s.cell.clone().unwrap() };
            let last = Tensor::cat(finals.iter().map(of).collect(), 0);
            close(&last, &case[format!("{kind}n")], &format!("{what} {kind}n"));
            loss = loss + weigh(&last, &format!("d_{kind}n"));
        }
        let gradients = loss.backward();
        close(&x.grad(&gradients).unwrap(), &case["d_x"], &format!("{what} d_x"));
        for (kind, first) in kinds.iter().zip(&first) {
            close(&first.grad(&gradients).unwrap(), &case[format!("d_{kind}0")], &format!("{what} d_{kind}0"));
        }
        let mut named = NamedGradients(&gradients, Vec::new());
        module.visit(&mut named);
        for (parameter, gradient) in collect(&module).iter().zip(&named.1) {
            let want = &theirs[&parameter.name]["gradient"];
            close(gradient, want, &format!("{what} gradient of {}", parameter.name));
        }
    }
}

#[test]
fn attention_equals_pytorch() {
    for case in cases(include_str!("../../../goldens/attention/values.json")) {
        let kind = case["kind"].as_str().unwrap();
        let (targets, sources) = (numbers(&case["targets"]), numbers(&case["sources"]));
        let (width, depth) = (number(&case["width"]), number(&case["depth"]));
        let mut groups = simurgh_nn::Groups::default();
        let (mut query_row, mut source_row) = (0, 0);
        for (t, s) in targets.iter().zip(&sources) {
            groups.push(query_row..query_row + t, source_row..source_row + s);
            (query_row, source_row) = (query_row + t, source_row + s);
        }
        let query = tensor(floats(&case["query"]), [query_row, width]);
        let memory = tensor(floats(&case["memory"]), [source_row, depth]);
        let w = tensor(floats(&case["w"]), [width, depth]);
        let v = tensor(floats(&case["v"]), [width]);
        let keys = match kind {
            "dot" => memory.clone(),
            _ => linear(memory.clone(), w.clone(), None, Activation::Identity, Precision::F32).unwrap(),
        };
        let score = if kind == "additive" { Score::Additive(v.clone().into()) } else { Score::Dot };
        let (context, weights) = attention(query.clone(), keys, memory.clone(), score, &Arc::new(groups)).unwrap();
        close(&context, &case["context"], &format!("{kind} context"));
        close(&weights, &case["weights"], &format!("{kind} weights"));
        let d_context = tensor(floats(&case["d_context"]), context.dims()).detach();
        let gradients = (context * d_context).sum().backward();
        close(&query.grad(&gradients).unwrap(), &case["d_query"], &format!("{kind} d_query"));
        close(&memory.grad(&gradients).unwrap(), &case["d_memory"], &format!("{kind} d_memory"));
        if kind != "dot" {
            close(&w.grad(&gradients).unwrap(), &case["d_w"], &format!("{kind} d_w"));
        }
        if kind == "additive" {
            close(&v.grad(&gradients).unwrap(), &case["d_v"], &format!("{kind} d_v"));
        }
    }
}
