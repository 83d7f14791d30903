//! Against a server of our own that misbehaves as told.

use super::download::download;
use super::fetch::one;
use crate::args::DataFetchArgs;
use simurgh_data::sets::{self, Form, Origin, Part, Place, Set};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Answer {
    /// The file, or the part asked for.
    Right,
    /// The whole file whatever is asked for.
    Whole,
    /// So many bytes of what it promised, then the connection ends.
    Short(usize),
    /// Another file of the same length.
    Altered,
    /// The beginning of the file, as if it were all.
    Shorter,
    /// The file and more.
    Longer,
    /// A part that was not asked for.
    OtherPart,
    /// Look at this path.
    Elsewhere(&'static str),
    /// An error.
    Status(&'static str),
    /// The file without its length.
    Chunked,
}

struct Server {
    url: String,
    /// `PATH RANGE` of the requests.
    seen: Arc<Mutex<Vec<String>>>,
}

const FILE: &[u8] = b"0123456789abcdef";

/// Gives the `answers` in turn, the last one from then on.
fn server(answers: &'static [Answer]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    std::thread::spawn(move || {
        for (i, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(|l| l.unwrap());
            let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_string();
            let head: Vec<String> = lines.take_while(|l| !l.is_empty()).collect();
            let range = head.iter().find_map(|l| l.to_lowercase().strip_prefix("range: ").map(str::to_string));
            log.lock().unwrap().push(format!("{path} {}", range.clone().unwrap_or_default()));
            let begin = range.map_or(0, |r| r.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
            let part = |begin: usize, body: &[u8]| -> Vec<u8> {
                let (status, range) = match begin {
                    0 => ("200 OK", String::new()),
                    _ => ("206 Partial Content", format!("Content-Range: bytes {begin}-15/16\r\n")),
                };
                let head =
                    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{range}Content-Length: {}\r\n\r\n", body.len());
                [head.as_bytes(), body].concat()
            };
            let answer = match answers[i.min(answers.len() - 1)] {
                Answer::Right => part(begin, &FILE[begin..]),
                Answer::Whole => part(0, FILE),
                Answer::Short(n) => {
                    let mut all = part(begin, &FILE[begin..]);
                    all.truncate(all.len() - (FILE.len() - begin) + n);
                    all
                }
                Answer::Altered => part(begin, &vec![b'x'; FILE.len() - begin]),
                Answer::Shorter => part(0, b"0123"),
                Answer::Longer => part(0, b"0123456789abcdefg"),
                Answer::OtherPart => part(3, &FILE[3..]),
                Answer::Elsewhere(path) => {
                    format!("HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        .into()
                }
                Answer::Status(status) => {
                    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into()
                }
                Answer::Chunked => {
                    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n10\r\n";
                    [head.as_bytes(), FILE, b"\r\n0\r\n\r\n"].concat()
                }
            };
            // The other side may have seen enough.
            let _ = stream.write_all(&answer);
        }
    });
    Server { url, seen }
}

struct Case {
    directory: tempfile::TempDir,
    server: Server,
}

fn case(answers: &'static [Answer]) -> Case {
    Case { directory: tempfile::tempdir().unwrap(), server: server(answers) }
}

impl Case {
    fn part(&self) -> std::path::PathBuf {
        self.directory.path().join("file.part")
    }

    fn download(&self) -> Result<(), String> {
        let sum = sets::digest(FILE);
        download(&format!("{}/file", self.server.url), Some((16, &sum)), &self.part(), &|_, _| {})
            .map(drop)
            .map_err(|e| format!("{e}; {}", e.hint))
    }

    fn there(&self) -> Vec<u8> {
        std::fs::read(self.part()).unwrap()
    }

    fn seen(&self) -> Vec<String> {
        self.server.seen.lock().unwrap().clone()
    }
}

#[test]
fn a_file_arrives() {
    for answers in [&[Answer::Right], &[Answer::Chunked]] {
        let case = case(answers);
        case.download().unwrap();
        assert_eq!((case.there().as_slice(), case.seen()), (FILE, vec!["/file ".to_string()]));
        // What is whole is not asked for again.
        case.download().unwrap();
        assert_eq!(case.seen().len(), 1);
    }
}

#[test]
fn redirects_are_followed() {
    let case = case(&[Answer::Elsewhere("/other"), Answer::Right]);
    case.download().unwrap();
    assert_eq!((case.there().as_slice(), case.seen()), (FILE, vec!["/file ".to_string(), "/other ".into()]));
    let round = self::case(&[Answer::Elsewhere("/file")]);
    assert!(round.download().unwrap_err().contains("redirect"), "{:?}", round.download());
}

#[test]
fn what_breaks_off_is_taken_up_again() {
    let case = case(&[Answer::Short(5), Answer::Short(4), Answer::Right]);
    case.download().unwrap();
    assert_eq!(case.there(), FILE);
    assert_eq!(case.seen(), ["/file ", "/file bytes=5-", "/file bytes=9-"]);
}

#[test]
fn a_later_command_goes_on_where_the_last_one_stopped() {
    let case = case(&[Answer::Short(2), Answer::Short(2), Answer::Short(2), Answer::Right]);
    let error = case.download().unwrap_err();
    assert!(error.contains("expected 16 bytes, got 6") && error.contains("goes on from there"), "{error}");
    assert_eq!(case.there(), b"012345");
    case.download().unwrap();
    assert_eq!((case.there().as_slice(), case.seen()[3].as_str()), (FILE, "/file bytes=6-"));
}

#[test]
fn a_server_that_sends_everything_or_another_part_does_no_harm() {
    for answers in [&[Answer::Short(5), Answer::Whole], &[Answer::OtherPart, Answer::Right]] {
        let case = case(answers);
        case.download().unwrap();
        assert_eq!(case.there(), FILE);
    }
    // What is there is longer than the file can be.
    let case = case(&[Answer::Right]);
    std::fs::write(case.part(), [b'x'; 20]).unwrap();
    case.download().unwrap();
    assert_eq!((case.there().as_slice(), case.seen()), (FILE, vec!["/file ".to_string()]));
}

#[test]
fn another_checksum_is_an_error_and_the_bytes_are_not_kept() {
    let case = case(&[Answer::Altered, Answer::Right]);
    let error = case.download().unwrap_err();
    assert!(error.contains("expected a file with SHA-256") && error.contains(&sets::digest(&[b'x'; 16])), "{error}");
    assert_eq!(case.there(), b"");
    case.download().unwrap();
    // A beginning that was altered while it lay there.
    let case = self::case(&[Answer::Right]);
    std::fs::write(case.part(), "x1234").unwrap();
    assert!(case.download().is_err());
    case.download().unwrap();
    assert_eq!(case.there(), FILE);
}

#[test]
fn other_answers_are_named() {
    let longer = case(&[Answer::Longer]).download().unwrap_err();
    assert!(longer.contains("expected 16 bytes, got 17; the address holds something else"), "{longer}");
    let shorter = case(&[Answer::Shorter]);
    let e = shorter.download().unwrap_err();
    assert!(e.contains("expected 16 bytes, got 4; the address holds something else"), "{e}");
    assert_eq!((shorter.seen().len(), shorter.there().len()), (1, 0));
    let gone = case(&[Answer::Status("404 Not Found")]);
    assert!(gone.download().unwrap_err().contains("the answer 404 Not Found"));
    assert_eq!(gone.seen().len(), 1);
    let busy = case(&[Answer::Status("503 Service Unavailable")]);
    assert!(busy.download().unwrap_err().contains("try again later"));
    assert_eq!(busy.seen().len(), 3);
    let proxy = case(&[Answer::Status("407 Proxy Authentication Required")]).download().unwrap_err();
    assert!(proxy.contains("HTTPS_PROXY"), "{proxy}");
    // A range behind the end: what is there is not the beginning of the file.
    let behind = case(&[Answer::Status("416 Range Not Satisfiable"), Answer::Right]);
    std::fs::write(behind.part(), "x1234").unwrap();
    behind.download().unwrap();
    assert_eq!(behind.there(), FILE);
}

#[test]
fn without_a_network_it_says_so() {
    let case = case(&[Answer::Right]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = download(&format!("http://{closed}/file"), None, &case.part(), &|_, _| {}).unwrap_err();
    assert!(error.hint.contains("check the network"), "{error}; {}", error.hint);
    let error = download("not an address", None, &case.part(), &|_, _| {}).unwrap_err();
    assert!(error.hint.contains("--mirror"), "{error}; {}", error.hint);
}

#[test]
fn two_at_once_do_not_write_the_same_file() {
    let case = case(&[Answer::Right]);
    let held = std::fs::File::create(case.part()).unwrap();
    held.lock().unwrap();
    assert!(case.download().unwrap_err().contains("another process"));
    drop(held);
    case.download().unwrap();
}

fn set(parts: Vec<Part>) -> Set {
    let origin = Origin::Public(parts.leak());
    Set { name: "small", about: "", licence: "", page: "", recipes: &["small"], origin }
}

fn part_of(path: &'static str, bytes: &[u8]) -> Part {
    let sha256: &'static str = sets::digest(bytes).leak();
    let places = vec![Place { path, bytes: bytes.len() as u64, files: 1, sha256 }].leak();
    Part { url: "https://example.org/a/file", sum: Some((bytes.len() as u64, sha256)), form: Form::AsIs, places }
}

fn args(server: &Server, force: bool) -> DataFetchArgs {
    let mirror = Some(server.url.clone() + "/");
    DataFetchArgs { names: Vec::new(), data_dir: None, mirror, force, json: false, quiet: true }
}

#[test]
fn a_set_is_fetched_once_and_nothing_is_replaced_unasked() {
    let case = case(&[Answer::Right]);
    let directory = case.directory.path();
    let set = set(vec![part_of("to/x", FILE), part_of("to/y", FILE)]);
    let fetch = |force| one(&set, directory, &args(&case.server, force));
    assert_eq!(fetch(false).unwrap(), 2);
    assert_eq!(case.seen(), ["/example.org/a/file "; 2]);
    let read = |name: &str| std::fs::read(directory.join(name)).unwrap();
    assert_eq!((read("to/x").as_slice(), read("to/y").as_slice()), (FILE, FILE));
    assert!(!directory.join(".fetch").exists());
    assert_eq!(fetch(false).unwrap(), 0);
    std::fs::write(directory.join("to/y"), "mine").unwrap();
    assert_eq!(fetch(false).unwrap_err().code(), 1);
    assert_eq!((read("to/y").as_slice(), case.seen().len()), (&b"mine"[..], 2));
    assert_eq!(fetch(true).unwrap(), 1);
    assert_eq!(read("to/y"), FILE);
}

#[test]
fn a_download_that_fails_leaves_what_was_there() {
    let case = case(&[Answer::Short(3), Answer::Status("404 Not Found")]);
    let directory = case.directory.path();
    std::fs::write(directory.join("x"), "mine").unwrap();
    let set = set(vec![part_of("x", FILE)]);
    assert_eq!(one(&set, directory, &args(&case.server, true)).unwrap_err().code(), 1);
    assert_eq!(std::fs::read(directory.join("x")).unwrap(), b"mine");
    // The beginning stays for the next time.
    assert_eq!(std::fs::read(directory.join(".fetch/small-file.part")).unwrap(), &FILE[..3]);
    let nowhere = Path::new("/proc/no/such");
    assert_eq!(one(&set, nowhere, &args(&case.server, false)).unwrap_err().code(), 1);
}
