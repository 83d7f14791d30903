//! `cargo xtask sanitize`: the kernels' tests under the address sanitizer, on every instruction set.

use anyhow::ensure;
use std::path::Path;
use std::process::Command;

/// Builds into a target directory of its own: the flags are for everything.
pub fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the workspace");
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let host = env!("HOST_TARGET");
    let status = Command::new("cargo")
        .args(["test", "-p", "simurgh-kernels", "--lib", "--tests", "--target", host])
        .current_dir(root)
        // The sanitizer's runtime is part of the stable toolchain; only its flag is not.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        // A test asks for more memory than there is, and is to be told so.
        .env("ASAN_OPTIONS", "allocator_may_return_null=1")
        .env("CARGO_TARGET_DIR", metadata.target_directory.join("sanitize"))
        .status()?;
    ensure!(status.success(), "the tests fail under the address sanitizer");
    Ok(())
}
