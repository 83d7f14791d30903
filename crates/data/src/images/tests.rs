use super::*;
use std::path::Path;

fn written(directory: &Path, name: &str, width: usize, height: usize, channels: usize, value: u8) {
    let data = vec![value; width * height * channels];
    std::fs::write(directory.join(name), to_png(&Pictures { width, height, channels, data })).unwrap();
}

#[test]
fn bytes_and_numbers_are_the_same() {
    for x in 0..=255 {
        assert_eq!(to_byte(from_byte(x)), x);
    }
    assert_eq!((to_byte(-9.0), to_byte(9.0), to_byte(f32::NAN)), (0, 255, 0));
    assert_eq!((from_byte(0), from_byte(255)), (-1.0, 1.0));
}

#[test]
fn folders_of_all_sorts() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let e = folder(root, 8, 3, false).unwrap_err();
    assert!(e.to_string().contains("expected a folder with pictures, got none"), "{e}");
    let e = folder(&root.join("nowhere"), 8, 3, false).unwrap_err();
    assert!(e.to_string().contains("no such folder"), "{e}");
    std::fs::create_dir(root.join("inner")).unwrap();
    written(root, "b.png", 8, 8, 3, 10);
    written(root, "a.png", 20, 10, 1, 200);
    written(&root.join("inner"), "c.PNG", 3, 5, 3, 77);
    std::fs::write(root.join("notes.txt"), "no picture").unwrap();
    let all = folder(root, 8, 3, true).unwrap();
    assert_eq!((all.pictures.len(), all.resized, all.skipped.len()), (3, 2, 0));
    // By name, each of one colour whatever its size was.
    let colours: Vec<u8> = (0..3).map(|k| all.pictures.picture(k)[0]).collect();
    assert_eq!(colours, [200, 10, 77]);
    assert!((0..3).all(|k| all.pictures.picture(k).iter().all(|x| *x == colours[k])));
    let grey = folder(root, 5, 1, false).unwrap().pictures;
    assert_eq!((grey.size(), grey.len(), grey.picture(0)[0]), (25, 3, 200));
    // A cut file, and one that is none.
    let whole = std::fs::read(root.join("b.png")).unwrap();
    std::fs::write(root.join("cut.png"), &whole[..40]).unwrap();
    std::fs::write(root.join("text.jpg"), "no picture").unwrap();
    std::fs::write(root.join("empty.jpg"), "").unwrap();
    let most = folder(root, 8, 3, false).unwrap();
    assert_eq!((most.pictures.len(), most.skipped.len()), (3, 3));
    let e = folder(root, 8, 3, true).unwrap_err();
    assert!(e.path.as_ref().unwrap().ends_with("cut.png") && e.hint.contains("data.strict"), "{e}");
}

#[test]
fn idx_files_plain_packed_and_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1];
    bytes.extend([1, 2, 3, 4, 5, 6]);
    std::fs::write(&path, &bytes).unwrap();
    let plain = pictures(&path).unwrap();
    assert_eq!((plain.width, plain.height, plain.len(), plain.picture(1)), (1, 3, 2, &[4, 5, 6][..]));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &bytes).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(&path, &packed).unwrap();
    assert_eq!(pictures(&path).unwrap(), plain);
    assert!(labels(&path).unwrap_err().to_string().contains("in 1 dimensions"));
    for cut in [&bytes[..bytes.len() - 1], &bytes[..10], &bytes[..0], &packed[..packed.len() - 9]] {
        std::fs::write(&path, cut).unwrap();
        let e = pictures(&path).unwrap_err();
        assert!(e.path.is_some() && !e.hint.is_empty(), "{e}");
    }
    // Sizes whose product is no number.
    let mut vast = vec![0, 0, 8, 3];
    vast.extend([0xFF; 12]);
    std::fs::write(&path, &vast).unwrap();
    assert!(pictures(&path).is_err());
}

#[test]
fn a_grid_has_every_picture_at_its_place() {
    let pictures = Pictures { width: 2, height: 1, channels: 1, data: vec![1, 2, 3, 4, 5, 6] };
    let all = grid(&pictures, 2, 1);
    assert_eq!((all.width, all.height), (2 + 2 * 4, 2 + 2 * 3));
    let at = |x: usize, y: usize| all.data[y * all.width + x];
    assert_eq!([at(2, 2), at(3, 2), at(6, 2), at(7, 2), at(2, 5), at(3, 5), at(6, 5)], [1, 2, 3, 4, 5, 6, 128]);
    let large = grid(&pictures, 9, 3);
    assert_eq!((large.width, large.height), (2 + 3 * 8, 2 + 5));
    assert_eq!((large.data[2 * large.width + 2], large.data[4 * large.width + 7]), (1, 2));
    assert!(to_png(&large).starts_with(b"\x89PNG"));
    assert_eq!(grid(&Pictures { width: 2, height: 2, channels: 3, data: Vec::new() }, 4, 1).height, 2);
}

#[test]
fn drawn_pictures_have_bright_shapes_of_every_kind() {
    let (pictures, kinds) = shapes(200, 16, 3);
    assert_eq!((pictures.len(), pictures.size(), kinds.len()), (200, 256, 200));
    for kind in 0..SHAPES.len() as u8 {
        assert!(kinds.iter().filter(|k| **k == kind).count() > 20);
    }
    for (k, kind) in kinds.iter().enumerate() {
        let picture = pictures.picture(k);
        let bright = picture.iter().filter(|x| **x > 200).count();
        assert!((8..120).contains(&bright), "{bright} of kind {kind}");
        // Nothing is cut off.
        assert!((0..16).all(|i| [i, 240 + i, 16 * i, 16 * i + 15].into_iter().all(|at| picture[at] < 128)));
    }
    assert_eq!(shapes(10, 16, 3).0.data, pictures.data[..2560]);
    assert_ne!(shapes(10, 16, 4).0.data, pictures.data[..2560]);
}
