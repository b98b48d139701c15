# `just` lists these. None of them is needed: each is one line that can be typed.

_default:
    @just --list --unsorted

# Run the world in the foreground.
run *args:
    cargo run --release -- {{args}}

# All tests; with names, those whose name holds one of them.
test *args:
    cargo test {{args}}

# What a change is held to before it is taken, PostgreSQL included.
ci:
    .ci/run

# Format, and say what clippy finds.
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets

# This project's own documentation.
doc:
    cargo doc --no-deps --open

# Licences, advisories and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check

# Write docs/everhall.toml anew, after a setting was added.
settings:
    cargo build
    cd / && env -i {{justfile_directory()}}/target/debug/everhall config > {{justfile_directory()}}/docs/everhall.toml
