use super::*;

fn artifact() -> Artifact {
    Artifact {
        header: Header {
            format: FORMAT,
            task: "translation".into(),
            model: serde_json::json!({"hidden": 2}),
            recipe: "seed = 1".into(),
            tokenizer: String::new(),
            provenance: serde_json::Value::Null,
        },
        parameters: vec![
            Parameter { name: "a".into(), shape: vec![2, 3], data: vec![1.0, -2.0, 0.5, 0.0, 4.0, 8.0] },
            Parameter { name: "b".into(), shape: vec![1], data: vec![0.25] },
        ],
    }
}

#[test]
fn a_file_comes_back_as_it_was_and_always_has_the_same_bytes() {
    for precision in [Precision::Full, Precision::Half] {
        let bytes = to_bytes(&artifact(), precision);
        assert_eq!(bytes, to_bytes(&artifact(), precision));
        assert_eq!(parse(&bytes).unwrap(), artifact());
    }
}

#[test]
fn every_truncation_is_an_error_and_no_panic() {
    let bytes = to_bytes(&artifact(), Precision::Full);
    for length in 0..bytes.len() {
        assert!(parse(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn damage_is_named() {
    let mut nan = artifact();
    nan.parameters[0].data[4] = f32::NAN;
    let e = parse(&to_bytes(&nan, Precision::Full)).unwrap_err();
    assert_eq!(e.to_string(), "tensor `a`: expected finite numbers, got NaN at 4");
    let mut old = artifact();
    old.header.format = 99;
    let e = parse(&to_bytes(&old, Precision::Full)).unwrap_err();
    assert_eq!(e.to_string(), "format: expected format 1, got format 99");
    assert!(parse(b"not a model at all").is_err());
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model");
    atomic_write(&path, b"old").unwrap();
    assert!(atomic_write(&directory.path().join("none/model"), b"new").is_err());
    atomic_write(&path, b"new").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    // Of several all, or none.
    let (second, nowhere) = (directory.path().join("second"), directory.path().join("none/third"));
    let files: [(&std::path::Path, &[u8]); 2] = [(&second, b"2"), (&nowhere, b"3")];
    assert_eq!(atomic_write_all(&files).unwrap_err().0, nowhere);
    assert!(atomic_write_all(&[(path.as_path(), b"newer"), (directory.path(), b"other")]).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    atomic_write_all(&[(path.as_path(), b"newer"), (&second, b"other")]).unwrap();
    assert_eq!((std::fs::read(&path).unwrap(), std::fs::read(&second).unwrap()), (b"newer".into(), b"other".into()));
}
