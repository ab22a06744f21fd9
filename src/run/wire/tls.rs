//! What encrypts: one configuration for requests and streams, so that its roots are in memory once.

use futures_rustls::{
    pki_types::{
        CertificateDer,
        pem::{self, PemObject},
    },
    rustls::{ClientConfig, RootCertStore, client::Resumption, crypto::ring},
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Of a file with certificates.
const MOST_BYTES: u64 = 1 << 20;
/// Servers whose sessions are kept for a quicker handshake.
const MOST_SESSIONS: usize = 4;

/// A file with certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}; allowed is a file of certificates in PEM, at least one and at most {MOST_BYTES} bytes", file.display())]
pub struct CaError {
    /// Which file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// The roots compiled in, and those of `ca_file`.
pub(super) fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, CaError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = ca_file {
        add(&mut roots, file).map_err(|why| CaError { file: file.to_owned(), why })?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let versions = builder.with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| CaError { file: PathBuf::new(), why: error.to_string() })?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(MOST_SESSIONS);
    Ok(Arc::new(config))
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let text = read(file).map_err(|error| error.to_string())?;
    if text.len() as u64 > MOST_BYTES {
        return Err("it is too long".to_owned());
    }
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        found += 1;
        let certificate = certificate.map_err(|error| format!("certificate {found}: {}", words(&error)))?;
        roots.add(certificate).map_err(|error| format!("certificate {found}: {error}"))?;
    }
    if found == 0 { Err("it holds no certificate".to_owned()) } else { Ok(()) }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(file)?.take(MOST_BYTES + 1).read_to_end(&mut text)?;
    Ok(text)
}

fn words(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "it has no end".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_usable_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let refused = |text: Option<&[u8]>| {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            client(Some(&file)).unwrap_err().to_string()
        };
        let long = vec![b'x'; MOST_BYTES as usize + 1];
        for (text, why) in [
            (None, "No such file"),
            (Some(&b""[..]), "it holds no certificate"),
            (Some(b"a certificate"), "it holds no certificate"),
            (Some(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "it holds no certificate"),
            (Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "certificate 1: "),
            (Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n"), "certificate 1: it has no end"),
            (Some(&long), "it is too long"),
        ] {
            let error = refused(text);
            assert!(error.contains(why) && error.contains("ca.pem") && error.contains("in PEM"), "{error}");
        }
        client(None).unwrap();
    }
}
