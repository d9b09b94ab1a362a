//! What is said about files that hold something else, or cannot be read.

use super::*;

#[test]
fn files_that_hold_something_else_are_told_by_what_they_hold() {
    let world = World::new();
    let key_pem = world.key.serialize_pem();
    let leaf_pem = world
        .site
        .signed_by(&world.key, &world.middle)
        .unwrap()
        .pem();
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let (cut, _) = leaf_pem.split_at(leaf_pem.len() / 2);
    let leaf = world.leaf();
    let of_chain = |bytes: &[u8]| {
        let mut facts = world.facts();
        facts.chain = pem::certificates(bytes).map_err(Unread::Holds);
        let all = shorts(&facts);
        assert!(
            all[2..]
                .iter()
                .all(|line| line == "skipped the certificate cannot be read"),
            "{all:?}"
        );
        all[0].clone()
    };
    assert_eq!(of_chain(b""), "fail CRT-01 no certificate in it");
    assert_eq!(of_chain(b"hello\n"), "fail CRT-01 no certificate in it");
    assert_eq!(of_chain(key_pem.as_bytes()), "fail CRT-01 holds a key");
    assert_eq!(of_chain(&leaf), "fail CRT-01 not PEM");
    assert_eq!(of_chain(cut.as_bytes()), "fail CRT-01 damaged");
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(of_chain(nonsense.as_bytes()), "fail CRT-01 damaged");
    let of_key = |bytes: &[u8]| {
        let mut facts = world.facts();
        facts.key = pem::public_half(bytes).map_err(Unread::Holds);
        short(&key(&facts))
    };
    assert_eq!(of_key(key_pem.as_bytes()), "pass fits the certificate");
    assert_eq!(of_key(b""), "fail CRT-02 no key in it");
    assert_eq!(
        of_key(leaf_pem.as_bytes()),
        "fail CRT-02 holds a certificate"
    );
    assert_eq!(of_key(locked.as_bytes()), "fail CRT-02 has a passphrase");
    assert_eq!(of_key(&world.key.serialize_der()), "fail CRT-02 not PEM");
    let nonsense = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(of_key(nonsense.as_bytes()), "fail CRT-02 not a usable kind");
}

#[test]
fn a_file_that_cannot_be_read_is_told_as_the_door_tells_it() {
    let missing = || Problem::new(Code::File03, "There is no file `x`.", "Check the path.");
    let mut facts = World::new().facts();
    facts.chain = Err(Unread::File(missing()));
    facts.key = Err(Unread::File(missing()));
    let expected = ["fail FILE-03 not read", "fail FILE-03 not read"];
    assert_eq!(shorts(&facts)[..2], expected);
}
