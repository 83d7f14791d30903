//! What does not fit is an error value that names what it is, never a panic.

use simurgh_nn::burn::tensor::{Device, Tensor};
use simurgh_nn::decode::{DecodeConfig, Sentence, Special, Surface, decode};
use simurgh_nn::init::Init;
use simurgh_nn::ops::{Activation, Score, attention, cross_entropy, dropout, embedding, linear};
use simurgh_nn::optimizer::{Accumulated, Optimizer, Rule, SgdConfig, moving_average};
use simurgh_nn::pass::{Pass, Precision};
use simurgh_nn::recurrent::{CellKind, RecurrentConfig};
use simurgh_nn::seq2seq::{AttentionKind, Batch, Seq2Seq, Seq2SeqConfig, Tying};
use simurgh_nn::sequences::Sequences;
use simurgh_nn::{Groups, ShapeError};
use std::sync::Arc;

const VOCAB: usize = 12;

fn zeros(shape: [usize; 2]) -> Tensor<2> {
    Tensor::zeros(shape, &Device::flex())
}

fn vector(size: usize) -> Tensor<1> {
    Tensor::zeros([size], &Device::flex())
}

#[track_caller]
fn says<T>(result: Result<T, ShapeError>, want: &str) {
    match result {
        Ok(_) => panic!("no error; expected {want}"),
        Err(e) => assert_eq!(e.to_string(), want),
    }
}

fn config() -> Seq2SeqConfig {
    let sizes =
        Seq2SeqConfig { embedding: 6, encoder_hidden: 4, decoder_hidden: 8, readout: 6, ..Seq2SeqConfig::default() };
    Seq2SeqConfig { attention: AttentionKind::Dot, ..sizes }
}

fn model(device: &Device) -> Seq2Seq {
    Seq2Seq::new(&config(), VOCAB, VOCAB, &Init::new(1, device)).unwrap()
}

#[test]
fn operations() {
    let (weight, bias) = (|| zeros([5, 3]), |n| Some(vector(n).into()));
    let map = |x, bias| linear(x, weight(), bias, Activation::Tanh, Precision::F32);
    says(map(zeros([2, 4]), None), "linear: input of the weight is 3, expected 4");
    says(map(zeros([2, 3]), bias(4)), "linear: output of the bias is 4, expected 5");
    let nothing = linear(zeros([2, 0]), zeros([5, 0]), None, Activation::Tanh, Precision::F32);
    says(nothing, "linear: the input is 0");

    says(embedding(weight(), [1, 5].into()), "embedding: id 1 is 5, expected less than 5");
    says(embedding(weight(), [].into()), "embedding: the number of ids is 0");

    let loss = |hidden, bias, targets: &[u32], smoothing| {
        cross_entropy(hidden, weight(), vector(bias), Arc::<[u32]>::from(targets), smoothing, Precision::F32)
    };
    says(loss(zeros([2, 3]), 5, &[1, 9], 0.1), "cross_entropy: the target of row 1 is 9, expected less than 5");
    says(loss(zeros([2, 3]), 5, &[1], 0.1), "cross_entropy: number of targets is 1, expected 2");
    says(loss(zeros([2, 4]), 5, &[1, 2], 0.1), "cross_entropy: width of the weight is 3, expected 4");
    says(loss(zeros([2, 3]), 4, &[1, 2], 0.1), "cross_entropy: classes of the bias is 4, expected 5");
    says(loss(zeros([0, 3]), 5, &[], 0.1), "cross_entropy: the number of rows is 0");
    let share = "cross_entropy: the smoothing is NaN, expected 0 up to but not 1";
    says(loss(zeros([2, 3]), 5, &[1, 2], f64::NAN), share);

    says(dropout(zeros([2, 3]), [1].into(), 0.5, 1), "dropout: number of keys is 1, expected 2");
    says(dropout(zeros([2, 3]), [1, 2].into(), 1.0, 1), "dropout: the rate is 1, expected 0 up to but not 1");

    let mut groups = Groups::default();
    groups.push([0, 1], [0, 1, 2]);
    let look = |query, key, value, score| attention(query, key, value, score, &Arc::new(groups.clone()));
    let (query, key, value) = (|| zeros([2, 4]), || zeros([3, 4]), || zeros([3, 5]));
    assert!(look(query(), key(), value(), Score::Dot).is_ok());
    says(look(zeros([3, 4]), key(), value(), Score::Dot), "attention: queries of the groups is 2, expected 3");
    says(look(query(), zeros([3, 3]), value(), Score::Dot), "attention: width of the keys is 3, expected 4");
    says(look(query(), key(), zeros([2, 5]), Score::Dot), "attention: rows of the values is 2, expected 3");
    let few = look(query(), zeros([2, 4]), zeros([2, 5]), Score::Dot);
    says(few, "attention: the source of entry 2 is 2, expected less than 2");
    let score = Score::Additive(vector(3).into());
    let want = "attention: width of the vector of additive scores is 3, expected 4";
    says(look(query(), key(), value(), score), want);
}

#[test]
fn recurrent_layers() {
    let config = RecurrentConfig { cell: CellKind::Gru, input: 3, hidden: 4, layers: 1, bidirectional: true };
    let init = |config: RecurrentConfig| config.init(&Init::zeros(&Device::flex()), "test");
    says(init(RecurrentConfig { layers: 0, ..config.clone() }), "recurrent layers: the number of layers is 0");
    says(init(RecurrentConfig { hidden: 0, ..config.clone() }), "recurrent layers: hidden is 0");
    says(init(RecurrentConfig { input: 0, ..config.clone() }), "recurrent layers: the input is 0");
    let huge = init(RecurrentConfig { hidden: 1 << 40, ..config });
    let dimensions = format!("(gates 3 x hidden {} x 2 x hidden {})", 1u64 << 40, 1u64 << 41);
    says(huge, &format!("recurrent layers: `weight_ih` has more elements than there is memory for {dimensions}"));
}

#[test]
fn encoder_decoder() {
    let device = Device::flex();
    let new = |config, source, target| Seq2Seq::new(&config, source, target, &Init::new(1, &device));
    let wrong = Seq2SeqConfig { decoder_hidden: 9, ..config() };
    let want = "encoder-decoder: decoder_hidden is 9, expected 8 (= the encoder's output, since attention is \"dot\")";
    says(new(wrong, VOCAB, VOCAB), want);
    says(new(config(), VOCAB, 0), "encoder-decoder: the target vocabulary is 0");
    let tied = Seq2SeqConfig { tie: Tying::All, ..config() };
    let want = "encoder-decoder: size of the source vocabulary, tied to the target's, is 9, expected 12";
    says(new(tied, 9, VOCAB), want);

    for input_feeding in [false, true] {
        let model = new(Seq2SeqConfig { input_feeding, ..config() }, VOCAB, VOCAB).unwrap();
        let batch = |source: &[u32], target: &[u32]| Batch::new(&[(source, target), (&[5], &[])], 1, 2).unwrap();
        let loss = |batch: Batch| model.loss(&batch, 0.0, &mut Pass::default());
        assert!(loss(batch(&[5, 6], &[7])).is_ok());
        says(loss(batch(&[5, 12], &[7])), "embedding: id 2 is 12, expected less than 12");
        says(loss(batch(&[5, 6], &[99])), "embedding: id 2 is 99, expected less than 12");
        let far = Batch { source_of: vec![0, 2], ..batch(&[5, 6], &[7]) };
        says(loss(far), "decoder state: row 1 is 2, expected less than 2");
        let short = Batch { source_of: vec![0], ..batch(&[5, 6], &[7]) };
        says(loss(short), "encoder-decoder: number of targets' sources is 1, expected 2");
        let short = Batch { inputs: [1].into(), ..batch(&[5, 6], &[7]) };
        says(loss(short), "encoder-decoder: number of input tokens is 1, expected 3");
        let short = Batch { targets: [1].into(), ..batch(&[5, 6], &[7]) };
        says(loss(short), "cross_entropy: number of targets is 1, expected 3");

        let sources = Sequences::new(&[&[5, 6], &[7]]).unwrap();
        let memory = model.encode(&sources, &mut Pass::default()).unwrap();
        let step = |tokens: &[u32], sequences: &[usize], rows: &[usize]| {
            model.step(&memory, tokens, sequences, memory.state().select(rows)?, Precision::F32)
        };
        assert!(step(&[1, 1], &[0, 1], &[0, 1]).is_ok());
        says(step(&[1, 12], &[0, 1], &[0, 1]), "embedding: id 1 is 12, expected less than 12");
        says(step(&[1, 1], &[0], &[0]), "decoder step: number of tokens is 2, expected 1");
        let want = "decoder step: the sequence of hypothesis 1 is 2, expected less than 2";
        says(step(&[1, 1], &[0, 2], &[0, 1]), want);
        says(step(&[1, 1], &[0, 1], &[0, 3]), "decoder state: row 1 is 3, expected less than 2");
        assert!(step(&[1, 1], &[0, 1], &[0]).is_err());
        says(step(&[], &[], &[0]), "embedding: the number of ids is 0");
    }
}

#[test]
fn search() {
    let model = model(&Device::flex());
    let surfaces: Vec<Surface> = (0..VOCAB).map(|token| Surface::of(&token.to_string())).collect();
    let special = Special { start: 1, end: 2, banned: vec![0], reserved: 4..5, surfaces };
    let sentence = |ids: &[u32], required: &[u32]| Sentence { ids: ids.to_vec(), required: required.to_vec() };
    let run = |special: &Special, sentence: Sentence, beam| {
        let config = DecodeConfig { beam, ..DecodeConfig::default() };
        decode(&model, &[sentence], special, &config)
    };
    // No wider than the vocabulary is what it sees, not what it may ask for.
    assert!(run(&special, sentence(&[5], &[4]), 100).is_ok());
    says(run(&special, sentence(&[5], &[]), 0), "decode: the beam is 0");
    says(run(&special, sentence(&[], &[]), 2), "ragged batch: sequence 0 has length 0");
    says(run(&special, sentence(&[5, 12], &[]), 2), "embedding: id 1 is 12, expected less than 12");
    let want = "decode: the id of required token 1 is 40, expected less than 12";
    says(run(&special, sentence(&[5], &[4, 40]), 2), want);
    let other = |change: fn(&mut Special)| {
        let mut special = special.clone();
        change(&mut special);
        run(&special, sentence(&[5], &[]), 2)
    };
    says(other(|s| s.surfaces.truncate(11)), "decode: number of surfaces is 11, expected 12");
    says(other(|s| s.start = 12), "decode: the start's id 0 is 12, expected less than 12");
    says(other(|s| s.banned.push(77)), "decode: the id of banned token 1 is 77, expected less than 12");
    says(other(|s| s.reserved = 11..14), "decode: the id of reserved token 1 is 12, expected less than 12");
    let wide = run(&special, sentence(&[5], &[]), usize::MAX);
    assert!(matches!(wide, Err(ShapeError::Overflow { .. })), "{wide:?}");
    for max_ratio in [f64::INFINITY, f64::NAN, -1.0] {
        let endless = DecodeConfig { max_ratio, ..DecodeConfig::default() };
        let want = format!("decode: max_ratio is {max_ratio}, expected a number from 0");
        says(decode(&model, &[sentence(&[5], &[])], &special, &endless), &want);
    }
}

#[test]
fn optimizers() {
    let device = Device::flex().autodiff();
    let (model, small) = (model(&device), Seq2SeqConfig { embedding: 5, readout: 5, ..config() });
    let small = Seq2Seq::new(&small, VOCAB, VOCAB, &Init::new(1, &device)).unwrap();
    let pairs: [(&[u32], &[u32]); 1] = [(&[5, 6], &[7])];
    let batch = Batch::new(&pairs, 1, 2).unwrap();
    let mut pass = Pass::default();
    let loss = small.loss(&batch, 0.0, &mut pass).unwrap();
    let gradients = Accumulated::take(&small, &mut loss.smoothed().backward(), &pass);
    let sgd = Rule::Sgd(SgdConfig { momentum: 0.9, weight_decay: 0.0 });
    let mut optimizer = Optimizer::new(sgd, &model);
    says(optimizer.update(model.clone(), &gradients, 1.0, 0.1), "optimizer: length of a gradient is 60, expected 72");
    let mut optimizer = Optimizer::new(sgd, &model);
    let want = "optimizer: length of a moment is 72, expected 60";
    says(optimizer.update(small.clone(), &gradients, 1.0, 0.1), want);
    assert_eq!(optimizer.step, 0);
    let mut averages = vec![vec![0.0; 3]];
    assert!(moving_average(&small, 0.9, &mut averages).is_err());
    let mut optimizer = Optimizer::new(sgd, &small);
    assert!(optimizer.update(small, &gradients, 1.0, 0.1).is_ok());
}
