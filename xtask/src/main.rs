//! What the compiler does not check: `cargo xtask tidy | sanitize | instructions [--bless]`.

mod instructions;
mod sanitize;
mod tidy;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["tidy"] => tidy::run(),
        ["sanitize"] => sanitize::run(),
        ["instructions"] => instructions::run(false),
        ["instructions", "--bless"] => instructions::run(true),
        _ => anyhow::bail!("expected `cargo xtask tidy`, `sanitize` or `instructions [--bless]`, got {arguments:?}"),
    }
}
