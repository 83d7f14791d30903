//! Tells the program which target it was built for.

fn main() {
    println!("cargo:rustc-env=HOST_TARGET={}", std::env::var("TARGET").expect("cargo sets TARGET"));
}
