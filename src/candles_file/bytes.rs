//! The text inside a file: plain, gzip, or the one CSV of a zip archive. The content decides, not the ending.

use super::error::FileError;
use flate2::{Crc, bufread::DeflateDecoder, bufread::MultiGzDecoder};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;
use zip::{CompressionMethod, ZipArchive, read::ZipFile};

/// Read ahead from the disk for an unpacker; there is one a symbol and timeframe, so it is small.
const PACKED_BYTES: usize = 8 * 1024;

/// The unpacked text of a file, as a stream, and the file itself, whose position says how far it is read.
pub(super) fn open(path: &Path) -> Result<(Box<dyn Read>, File), FileError> {
    let failed = |source| FileError::Open { file: path.display().to_string(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut magic = Vec::with_capacity(4);
    (&mut file).take(4).read_to_end(&mut magic).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let position = file.try_clone().map_err(failed)?;
    let text: Box<dyn Read> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::with_capacity(PACKED_BYTES, file))),
        [b'P', b'K', ..] => {
            unzip(file).map_err(|reason| FileError::Archive { file: path.display().to_string(), reason })?
        }
        _ => Box::new(file),
    };
    Ok((text, position))
}

/// The archive's directory is read with the `zip` crate; the entry itself is streamed here, since the crate's reader borrows its archive.
fn unzip(file: File) -> Result<Box<dyn Read>, String> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    let index = only_csv(&archive)?;
    let entry = archive.by_index_raw(index).map_err(|error| error.to_string())?;
    let method = entry.compression();
    if entry.encrypted() {
        return Err("it is encrypted".to_owned());
    }
    let promise = Promise::of(&entry);
    let (start, length) = (entry.data_start().ok_or("its entry has no place")?, entry.compressed_size());
    drop(entry);
    let mut file = archive.into_inner().into_inner();
    file.seek(SeekFrom::Start(start)).map_err(|error| error.to_string())?;
    let packed: Take<File> = file.take(length);
    match method {
        CompressionMethod::Stored => Ok(Box::new(Kept::new(packed, promise))),
        CompressionMethod::Deflated => {
            let unpacked = DeflateDecoder::new(BufReader::with_capacity(PACKED_BYTES, packed));
            Ok(Box::new(Kept::new(unpacked, promise)))
        }
        other => Err(format!("it is packed by {other}; understood are deflate and store")),
    }
}

/// The place of the one CSV; what macOS adds beside it does not count.
fn only_csv<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<usize, String> {
    let is_csv = |name: &[u8]| name.to_ascii_lowercase().ends_with(b".csv") && !name.starts_with(b"__MACOSX/");
    let mut found = archive.file_names_raw().enumerate().filter(|(_, name)| is_csv(name)).map(|(index, _)| index);
    match (found.next(), found.count()) {
        (Some(index), 0) => Ok(index),
        (None, _) => Err("it holds no .csv file, but must hold one".to_owned()),
        (Some(_), more) => Err(format!("it holds {} .csv files, but must hold one", more + 1)),
    }
}

/// What an archive's directory says of an entry.
struct Promise {
    length: u64,
    checksum: u32,
}

impl Promise {
    fn of<R: Read>(entry: &ZipFile<'_, R>) -> Self {
        Self { length: entry.size(), checksum: entry.crc32() }
    }
}

/// Fails at the end of the text when it is not what was promised.
struct Kept<R> {
    inner: R,
    seen: Crc,
    length: u64,
    promise: Promise,
}

impl<R: Read> Kept<R> {
    fn new(inner: R, promise: Promise) -> Self {
        Self { inner, seen: Crc::new(), length: 0, promise }
    }
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.seen.update(&buffer[..count]);
        self.length += count as u64;
        let broken = self.length != self.promise.length || self.seen.sum() != self.promise.checksum;
        if count == 0 && !buffer.is_empty() && broken {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "length or checksum differ"));
        }
        Ok(count)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    use zip::{ZipWriter, write::SimpleFileOptions};

    const TEXT: &str = "open_time_ms,open,high,low,close,volume\n0,1,2,1,2,3\n";

    pub fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    pub fn zipped(entries: &[(&str, &str)], method: CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, text) in entries {
            writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn unpacked(content: &[u8]) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let mut text = String::new();
        let (mut reader, _) = open(file.path()).map_err(|error| error.to_string())?;
        reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn each_packing_gives_the_text_whatever_the_file_is_called() {
        let two_members = [gzip(&TEXT[..20]), gzip(&TEXT[20..])].concat();
        let beside = [("__MACOSX/._a.csv", "x"), ("a.csv", TEXT), ("a.csv.CHECKSUM", "y")];
        for content in [
            TEXT.as_bytes().to_vec(),
            gzip(TEXT),
            two_members,
            zipped(&[("a.csv", TEXT)], CompressionMethod::Deflated),
            zipped(&[("a.CSV", TEXT)], CompressionMethod::Stored),
            zipped(&beside, CompressionMethod::Deflated),
        ] {
            assert_eq!(unpacked(&content).as_deref(), Ok(TEXT));
        }
    }

    #[test]
    fn an_archive_without_exactly_one_csv_is_refused() {
        for (entries, reason) in [
            (&[("a.txt", "x")][..], "it holds no .csv file"),
            (&[("a.csv", "x"), ("b.csv", "x")][..], "it holds 2 .csv files"),
        ] {
            let error = unpacked(&zipped(entries, CompressionMethod::Stored)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(unpacked(b"PK\x03\x04 and then nothing").unwrap_err().contains("zip archive that cannot be read"));
    }

    #[test]
    fn a_flipped_bit_in_an_archive_is_noticed() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let mut content = zipped(&[("a.csv", TEXT)], method);
            content[30 + "a.csv".len() + 10] ^= 1;
            assert!(unpacked(&content).is_err(), "{method}");
        }
    }
}
