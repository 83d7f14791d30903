//! Features of pictures by a network in a file, against PyTorch's, see `goldens/features`.

use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use simurgh_nn::features::Features;
use std::collections::HashMap;

const FILES: [(&str, &[u8]); 2] = [
    ("features", include_bytes!("../../../goldens/features/features.safetensors")),
    ("flattened", include_bytes!("../../../goldens/features/flattened.safetensors")),
];

#[test]
fn features_equal_pytorch() {
    let goldens: Value = serde_json::from_str(include_str!("../../../goldens/features/values.json")).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        goldens[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
    };
    for (name, bytes) in FILES {
        let features = Features::parse(bytes, [13, 13, 2]).unwrap();
        let (got, want) = (features.of(&floats("x")).unwrap(), floats(name));
        assert_eq!((got.len(), features.width()), (want.len(), want.len() / 3));
        for (g, w) in got.iter().zip(&want) {
            assert!((g - w).abs() < 1e-5 * (1.0 + w.abs()), "{name}: {g}, PyTorch {w}");
        }
        assert!(features.of(&[0.0; 13 * 13]).is_err());
    }
}

/// A file with a tensor `a.weight` of this shape, and this list.
fn file(shape: &[usize], list: &str) -> Vec<u8> {
    let data = vec![0u8; 4 * shape.iter().product::<usize>()];
    let view = TensorView::new(Dtype::F32, shape.to_vec(), &data).unwrap();
    let metadata = HashMap::from([("layers".to_string(), list.to_string())]);
    safetensors::serialize([("a.weight", view)], Some(metadata)).unwrap()
}

#[test]
fn what_does_not_fit_is_named() {
    let of = |shape: &[usize], list: &str| Features::parse(&file(shape, list), [6, 6, 1]).unwrap_err().to_string();
    for (shape, list, part) in [
        (&[2, 1, 3, 3][..], "[]", "layers: expected layers, got none"),
        (&[2, 1, 3, 3], "nothing", "expected a list of layers in JSON"),
        (&[2, 1, 3, 3], r#"[{"kind":"convolution","name":"b"}]"#, "tensor `b.weight`: expected a tensor of that name"),
        (
            &[2, 3, 3, 3],
            r#"[{"kind":"convolution","name":"a"}]"#,
            "expected [out, 1, kernel, kernel], got [2, 3, 3, 3]",
        ),
        (&[2, 1, 9, 9], r#"[{"kind":"convolution","name":"a"}]"#, "at most the picture's 6 pixels"),
        (&[2, 1, 3, 3], r#"[{"kind":"convolution","name":"a","stride":0}]"#, "the stride"),
        (&[2, 1, 3, 3], r#"[{"kind":"convolution","name":"a","dilation":2}]"#, "dilation"),
        (&[2, 35], r#"[{"kind":"linear","name":"a"}]"#, "expected [out, 36], got [2, 35]"),
        (&[2, 36], r#"[{"kind":"linear","name":"a"},{"kind":"convolution","name":"a"}]"#, "[out, 2, kernel, kernel]"),
        (&[2, 36], r#"[{"kind":"max-pool","size":7}]"#, "layers[0]: expected a size from 1 to 6, got 7"),
        (&[2, 36], r#"[{"kind":"scale","factor":[1,2],"shift":[0]}]"#, "1 channels, got 2 and 1"),
    ] {
        let message = of(shape, list);
        assert!(message.contains(part), "{message}: {part}");
    }
    let whole = FILES[0].1;
    for length in 0..whole.len() {
        assert!(Features::parse(&whole[..length], [13, 13, 2]).is_err());
    }
}
