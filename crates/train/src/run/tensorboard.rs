//! TensorBoard's event files: TFRecord frames around hand-encoded `Event` messages.

use std::io::Write;
use std::path::Path;

/// Writes scalars.
pub(super) struct TensorBoard {
    file: std::fs::File,
}

impl TensorBoard {
    /// A new event file; TensorBoard reads all files of a directory together.
    pub(super) fn create(directory: &Path, step: u64) -> std::io::Result<Self> {
        // The name's number orders the files; a resumed run replaces what it makes again.
        let path = directory.join(format!("events.out.tfevents.{:010}.simurgh", step));
        let mut board = Self { file: std::fs::File::create(path)? };
        let mut event = Vec::new();
        double(&mut event, 1, 0.0);
        bytes(&mut event, 3, b"brain.Event:2");
        board.frame(&event)?;
        if step > 0 {
            // `Event { step, session_log { status: START } }`: points of older files from here on are void.
            let mut event = vec![2 << 3];
            varint(&mut event, step + 1);
            bytes(&mut event, 7, &[1 << 3, 1]);
            board.frame(&event)?;
        }
        Ok(board)
    }

    /// `Event { wall_time, step, summary { value { tag, simple_value } } }`
    pub(super) fn scalar(&mut self, wall: f64, step: u64, tag: &str, value: f32) -> std::io::Result<()> {
        let mut inner = Vec::new();
        bytes(&mut inner, 1, tag.as_bytes());
        inner.push(2 << 3 | 5);
        inner.extend(value.to_le_bytes());
        let mut summary = Vec::new();
        bytes(&mut summary, 1, &inner);
        let mut event = Vec::new();
        double(&mut event, 1, wall);
        event.push(2 << 3);
        varint(&mut event, step);
        bytes(&mut event, 5, &summary);
        self.frame(&event)
    }

    /// Length, its checksum, data, its checksum.
    fn frame(&mut self, data: &[u8]) -> std::io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked(&length).to_le_bytes());
        record.extend(data);
        record.extend(masked(data).to_le_bytes());
        self.file.write_all(&record)
    }
}

/// TFRecord's masked CRC-32C.
fn masked(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xA282_EAD8)
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn bytes(to: &mut Vec<u8>, field: u8, data: &[u8]) {
    to.push(field << 3 | 2);
    varint(to, data.len() as u64);
    to.extend(data);
}

fn double(to: &mut Vec<u8>, field: u8, value: f64) {
    to.push(field << 3 | 1);
    to.extend(value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first record that TensorFlow itself writes: version at wall time 0.
    #[test]
    fn frames_are_tfrecords() {
        let directory = tempfile::tempdir().unwrap();
        TensorBoard::create(directory.path(), 0).unwrap().scalar(1.0, 300, "a/b", 0.5).unwrap();
        let path = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
        let data = std::fs::read(path).unwrap();
        let length = u64::from_le_bytes(data[..8].try_into().unwrap()) as usize;
        assert_eq!(length, 9 + 2 + 13);
        assert_eq!(&data[12 + 11..12 + length], b"brain.Event:2");
        let stored = u32::from_le_bytes(data[12 + length..16 + length].try_into().unwrap());
        assert_eq!(stored, masked(&data[12..12 + length]));
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8A91_36AA);
        let second = &data[16 + length..];
        assert!(second.windows(3).any(|w| w == b"a/b"));
        assert!(second.windows(3).any(|w| w == [2 << 3, 0xAC, 0x02]), "step 300 as a varint");
    }
}
