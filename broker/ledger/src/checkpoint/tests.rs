use super::*;
use crate::hash::leaf_hash;

const ORIGIN: &str = "broker.example.org/ledger";

fn signer(name: &str, seed: u8) -> Signer {
    Signer::from_seed(name, &[seed; 32]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 17,
        root: leaf_hash(b"root"),
    }
}

#[test]
fn the_checkpoint_in_the_specification_is_read() {
    let note = "example.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa \
        Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let signed = Checkpoint::parse(note).unwrap();
    assert_eq!(signed.checkpoint.size, 20_852_163);
    assert_eq!(signed.checkpoint.origin, signed.signatures[0].name);
    assert_eq!(signed.signatures[0].bytes.len(), 64);
}

#[test]
fn the_note_of_the_go_implementation_verifies() {
    // Not a checkpoint: text, key and signature of the example of golang.org/x/mod/sumdb/note.
    let key: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        .parse()
        .unwrap();
    let note = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let (text, signatures) = split(note).unwrap();
    assert!(signatures[0].claims(&key));
    assert!(key.has_signed(text, &signatures[0].bytes));
}

#[test]
fn a_signed_checkpoint_verifies_under_its_key_and_no_other() {
    let log = signer(ORIGIN, 1);
    let note = checkpoint().sign(&log);
    assert_eq!(
        Checkpoint::verify(&note, &[log.verifier()]),
        Ok(checkpoint())
    );
    let others = [signer(ORIGIN, 2).verifier()];
    assert!(matches!(
        Checkpoint::verify(&note, &others),
        Err(NoteError::NoTrustedSignature { .. })
    ));
    assert!(Checkpoint::verify(&note, &[]).is_err());
}

#[test]
fn old_key_new_key_and_witness_may_sign_together() {
    let (old, new) = (signer(ORIGIN, 1), signer(ORIGIN, 2));
    let witness = signer("witness.example.net/w1", 3);
    let note = checkpoint().sign(&old);
    let note = Checkpoint::cosign(&note, &new).unwrap();
    let note = Checkpoint::cosign(&note, &witness).unwrap();
    for key in [&old, &new] {
        assert!(Checkpoint::verify(&note, &[key.verifier()]).is_ok());
    }
    assert!(matches!(
        Checkpoint::verify(&note, &[witness.verifier()]),
        Err(NoteError::NoTrustedSignature { .. })
    ));
    assert!(matches!(
        Checkpoint::cosign(&note, &new),
        Err(NoteError::SignedTwice(_))
    ));
}

#[test]
fn one_bad_signature_of_a_trusted_key_spoils_the_note() {
    let (old, new) = (signer(ORIGIN, 1), signer(ORIGIN, 2));
    let other = Checkpoint {
        size: 18,
        ..checkpoint()
    };
    let stray = other.sign(&new);
    let line = stray.lines().last().unwrap();
    let note = format!("{}{line}\n", checkpoint().sign(&old));
    assert!(Checkpoint::verify(&note, &[old.verifier()]).is_ok());
    assert_eq!(
        Checkpoint::verify(&note, &[old.verifier(), new.verifier()]),
        Err(NoteError::BadSignature(new.verifier().to_string()))
    );
}

#[test]
fn texts_that_are_nearly_a_checkpoint_are_refused() {
    let log = signer(ORIGIN, 1);
    let good = checkpoint().text();
    for (from, to) in [
        ("\n17\n", "\n017\n"),
        ("\n17\n", "\n+17\n"),
        ("\n17\n", "\n-1\n"),
        ("\n17\n", "\n18446744073709551616\n"),
        ("\n17\n", "\n17 \n"),
        ("=\n", "\n"),
        ("=\n", "=\nextension\n"),
        (ORIGIN, ""),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good);
        let note = format!("{text}\n{}", signature_line(&text, &log));
        assert!(Checkpoint::parse(&note).is_err(), "{note}");
    }
}

#[test]
fn every_flipped_bit_of_a_note_is_found() {
    let log = signer(ORIGIN, 1);
    let note = checkpoint().sign(&log);
    let trusted = [log.verifier()];
    for byte in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[byte] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            assert!(
                Checkpoint::verify(&text, &trusted).is_err(),
                "byte {byte} bit {bit}"
            );
        }
    }
}
