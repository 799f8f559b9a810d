//! The allocator of every program that stands on the chassis.

/// Many small messages made by one thread and dropped by another are what it is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
