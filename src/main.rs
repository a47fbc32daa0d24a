//! The program: everything is in the library, so that tests and benches reach it.

/// Measured against glibc's: a step of a full tenant machine takes half as long at its p99 (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cordboard::cli::main()
}
