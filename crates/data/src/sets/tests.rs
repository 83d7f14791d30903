//! Sets made small.

use super::place::exchange_rates;
use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::path::PathBuf;

const SHA_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn leak<T>(x: T) -> &'static T {
    Box::leak(Box::new(x))
}

fn part(form: Form, places: Vec<Place>) -> Part {
    Part { url: "https://example.org/file", sum: None, form, places: leak(places) }
}

fn file(path: &'static str, bytes: &[u8]) -> Place {
    Place { path, bytes: bytes.len() as u64, files: 1, sha256: leak(digest(bytes)) }
}

#[test]
fn digests_are_sha_256() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(digest(b"abc"), SHA_OF_ABC);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("abc");
    std::fs::write(&path, "abc").unwrap();
    assert_eq!(file_digest(&path).unwrap(), SHA_OF_ABC);
    // printf abc > abc; sha256sum * | sha256sum
    let lines = format!("{SHA_OF_ABC}  abc\n");
    assert_eq!(folder_digest(directory.path()).unwrap(), digest(lines.as_bytes()));
}

#[test]
fn a_place_is_known_by_size_or_by_digest() {
    let directory = tempfile::tempdir().unwrap();
    let place = file("a/b", b"abc");
    let at = |verify| place.found(directory.path(), verify).unwrap();
    assert_eq!(at(true), Found::Nothing);
    std::fs::create_dir(directory.path().join("a")).unwrap();
    std::fs::write(directory.path().join("a/b"), "abd").unwrap();
    assert_eq!((at(false), at(true)), (Found::Whole, Found::Other));
    std::fs::write(directory.path().join("a/b"), "abcd").unwrap();
    assert_eq!(at(false), Found::Other);
    std::fs::write(directory.path().join("a/b"), "abc").unwrap();
    assert_eq!(at(true), Found::Whole);
    let folder = Place { files: 2, ..place };
    assert_eq!(folder.found(directory.path(), false).unwrap(), Found::Other);
}

#[test]
fn rates_get_dates_and_the_order_in_use() {
    let csv = exchange_rates("0.785500,1.611000,0.86,0.63,0.21,0.006838,0.593000,0.525486\n1,2,3,4,5,6,7,8\n").unwrap();
    assert_eq!(
        csv,
        "date,0,1,2,3,4,5,6,OT\n1990/1/1 0:00,0.7855,1.611,0.86,0.63,0.21,0.006838,0.525486,0.593\n1990/1/2 0:00,1,2,3,4,5,6,8,7"
    );
    assert_eq!(exchange_rates("1,2,3\n").unwrap_err().line, Some(1));
    assert!(exchange_rates("1,2,3,4,5,6,7,x\n").is_err());
}

#[test]
fn reviews_are_split_by_their_file_and_kept_once() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/sets/sentipers.xlsx");
    let [train, dev, test] = sentipers::split(&book).unwrap();
    assert_eq!(train, "1\tدوربین خوبی است.\n-2\tقیمت بالا\n");
    assert_eq!(dev, "-1\tکیفیت صدا بد است.\n2\tعالی است!\n");
    assert_eq!(test, "0\tباتری معمولی است.\n");
    let directory = tempfile::tempdir().unwrap();
    let broken = directory.path().join("x.xlsx");
    std::fs::write(&broken, "no workbook").unwrap();
    assert_eq!(sentipers::split(&broken).unwrap_err().path, Some(broken));
}

fn archive(directory: &Path, entries: &[(&str, &str)]) -> PathBuf {
    let path = directory.join("x.tar.gz");
    let mut tar = tar::Builder::new(GzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::fast()));
    for (name, text) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        // The checked setter would refuse the names that an attacker writes.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
    path
}

#[test]
fn one_folder_of_an_archive_is_kept_and_nothing_is_written_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let entries =
        [("r/in/b", "2"), ("r/in/a", "1"), ("r/out/c", "3"), ("r/in/../../../e", "4"), ("/in/f", "5"), ("r/g", "6")];
    let download = archive(directory.path(), &entries);
    let lines = format!("{}  a\n{}  b\n", digest(b"1"), digest(b"2"));
    let place_of = |sha256| Place { path: "to/in", bytes: 2, files: 2, sha256 };
    let good = part(Form::Folder("in"), vec![place_of(leak(digest(lines.as_bytes())))]);
    let target = directory.path().join("data");
    // What was there before is replaced as a whole.
    std::fs::create_dir_all(target.join("to/in")).unwrap();
    std::fs::write(target.join("to/in/old"), "").unwrap();
    // A folder of the user's own beside it is nobody else's business.
    std::fs::create_dir_all(target.join("to/in.old")).unwrap();
    let bad = part(Form::Folder("in"), vec![place_of(SHA_OF_ABC)]);
    assert_eq!(place(&bad, &download, &target).unwrap_err().path, Some(target.join("to/in")));
    assert!(target.join("to/in/old").exists());
    place(&good, &download, &target).unwrap();
    let names = |path: &Path| -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&target.join("to/in")), ["a", "b"]);
    assert_eq!(names(&target.join("to")), ["in", "in.old"]);
    assert_eq!(names(directory.path()), ["data", "x.tar.gz"]);
    std::fs::write(&download, "no archive").unwrap();
    assert!(place(&good, &download, &target).unwrap_err().to_string().contains("tar.gz"));
    assert_eq!(names(&target.join("to/in")), ["a", "b"]);
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let download = directory.path().join("download");
    std::fs::write(&download, "new").unwrap();
    let target = directory.path().join("data");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("x"), "old").unwrap();
    let error = place(&part(Form::AsIs, vec![file("x", b"other")]), &download, &target).unwrap_err();
    assert!(error.expected.contains("SHA-256"), "{error}");
    assert_eq!(std::fs::read_to_string(target.join("x")).unwrap(), "old");
    place(&part(Form::AsIs, vec![file("x", b"new")]), &download, &target).unwrap();
    assert_eq!(std::fs::read_to_string(target.join("x")).unwrap(), "new");
    assert!(!target.join("x.fetched").exists());
}

#[test]
fn every_set_is_whole() {
    for set in SETS {
        assert!(by_name(set.name).is_ok_and(|s| s.name == set.name));
        for recipe in set.recipes {
            assert!(by_name(recipe).unwrap().recipes.contains(recipe));
        }
        if let Origin::Public(parts) = set.origin {
            for part in parts {
                assert!(part.url.starts_with("https://"), "{}", part.url);
                assert!(part.form != Form::AsIs || part.sum == Some((part.places[0].bytes, part.places[0].sha256)));
                assert!(part.sum.is_some() || matches!(part.form, Form::Folder(_)));
            }
        }
        for place in set.places() {
            assert!(place.sha256.len() == 64 && place.bytes > 0 && place.files > 0);
        }
    }
    assert_eq!(by_name("multi30k-de-en").unwrap().name, "multi30k");
    // Its recipe uses an embedded set too.
    assert_eq!(by_name("fa-en-small").unwrap().name, "fa-en-mixed");
    assert!(by_name("nothing").unwrap_err().hint.contains("sst2"));
}
