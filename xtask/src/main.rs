//! `cargo xtask tidy`: what the compiler does not check of ARCHITECTURE.md.

mod tidy;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy::run(),
        other => anyhow::bail!("expected `cargo xtask tidy`, got {other:?}"),
    }
}
