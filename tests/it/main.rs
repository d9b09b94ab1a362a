//! One binary for every test that needs more than values: wire, whole program, real control plane.
