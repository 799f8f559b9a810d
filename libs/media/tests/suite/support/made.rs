//! Media written by hand, byte by byte.

/// A tone or silence: 16-bit samples of one channel, of this height.
pub(crate) fn samples(count: usize, height: i16) -> Vec<i16> {
    (0..count).map(|n| if n / 10 % 2 == 0 { height } else { -height }).collect()
}

fn little(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A WAV of one channel of 16 bits. `says` is how many bytes of samples its header speaks of.
pub(crate) fn wav_saying(samples: &[i16], rate: u32, says: u32) -> Vec<u8> {
    let mut out = b"RIFF".to_vec();
    out.extend(says.saturating_add(36).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend(rate.to_le_bytes());
    out.extend((rate * 2).to_le_bytes());
    out.extend(b"\x02\0\x10\0data");
    out.extend(says.to_le_bytes());
    out.extend(little(samples));
    out
}

/// A WAV that says the truth.
pub(crate) fn wav(samples: &[i16], rate: u32) -> Vec<u8> {
    wav_saying(samples, rate, samples.len() as u32 * 2)
}

/// A box of MP4.
fn atom(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = (content.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(name);
    out.extend(content);
    out
}

fn be(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A track of MP4.
pub(crate) struct Track {
    pub(crate) video: bool,
    /// The name of its codec, and what else stands in its description.
    pub(crate) codec: &'static [u8; 4],
    pub(crate) extra: Vec<u8>,
    pub(crate) rate: u32,
    /// How long a sample lasts, in units of `rate`.
    pub(crate) delta: u32,
    pub(crate) samples: Vec<Vec<u8>>,
}

impl Track {
    /// PCM, a tenth of a second in each of its samples.
    pub(crate) fn pcm(samples: &[i16], rate: u32) -> Self {
        let samples = samples.chunks(rate as usize / 10).map(little).collect();
        Self { video: false, codec: b"sowt", extra: Vec::new(), rate, delta: rate / 10, samples }
    }

    /// Frames of AAC-LC at 44.1 kHz in stereo, in which nothing is heard.
    pub(crate) fn silent_aac(frames: usize) -> Self {
        // ES descriptor: decoder config of MPEG-4 audio, AudioSpecificConfig 0x1210.
        let esds: &[u8] = b"\0\0\0\0\x03\x19\0\x01\0\x04\x11\x40\x15\0\0\0\0\0\0\0\0\0\0\0\x05\x02\x12\x10\x06\x01\x02";
        Self {
            video: false,
            codec: b"mp4a",
            extra: atom(b"esds", &[esds]),
            rate: 44_100,
            delta: 1024,
            samples: vec![vec![0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c]; frames],
        }
    }

    /// Pictures that nobody decodes.
    pub(crate) fn video(seconds: usize) -> Self {
        let avcc = atom(
            b"avcC",
            &[b"\x01\x42\x00\x1e\xff\xe1\0\x04\x67\x42\x00\x1e\x01\0\x04\x68\xce\x3c\x80"],
        );
        Self {
            video: true,
            codec: b"avc1",
            extra: avcc,
            rate: 1000,
            delta: 1000,
            samples: vec![vec![7; 900]; seconds],
        }
    }

    fn description(&self) -> Vec<u8> {
        let rate = (self.rate << 16).to_be_bytes();
        let entry = if self.video {
            let mut middle = vec![0; 16];
            middle.extend(b"\x02\x80\x01\xe0\0\x48\0\0\0\x48\0\0\0\0\0\0\0\x01");
            middle.extend([0; 32]);
            middle.extend(b"\0\x18\xff\xff");
            atom(self.codec, &[b"\0\0\0\0\0\0\0\x01", &middle, &self.extra])
        } else {
            let channels: &[u8] = if self.codec == b"mp4a" { b"\0\x02" } else { b"\0\x01" };
            atom(
                self.codec,
                &[
                    b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0",
                    channels,
                    b"\0\x10\0\0\0\0",
                    &rate,
                    &self.extra,
                ],
            )
        };
        atom(b"stsd", &[&be(&[0, 1]), &entry])
    }

    fn atom(&self, id: u32, data_at: u32) -> Vec<u8> {
        let count = self.samples.len() as u32;
        let long = count * self.delta;
        let matrix = be(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]);
        let tkhd =
            atom(b"tkhd", &[&be(&[3, 0, 0, id, 0, long, 0, 0, 0, 0]), &matrix, &be(&[0, 0])]);
        let mdhd = atom(b"mdhd", &[&be(&[0, 0, 0, self.rate, long, 0x55c4_0000])]);
        let kind: &[u8] = if self.video { b"vide" } else { b"soun" };
        let hdlr = atom(b"hdlr", &[&be(&[0, 0]), kind, &be(&[0, 0, 0]), b"\0"]);
        let head = match self.video {
            true => atom(b"vmhd", &[&be(&[1, 0, 0])]),
            false => atom(b"smhd", &[&be(&[0, 0])]),
        };
        let sizes: Vec<u32> = self.samples.iter().map(|sample| sample.len() as u32).collect();
        let stbl = atom(
            b"stbl",
            &[
                &self.description(),
                &atom(b"stts", &[&be(&[0, 1, count, self.delta])]),
                &atom(b"stsc", &[&be(&[0, 1, 1, count, 1])]),
                &atom(b"stsz", &[&be(&[0, 0, count]), &be(&sizes)]),
                &atom(b"stco", &[&be(&[0, 1, data_at])]),
            ],
        );
        let dref = atom(b"dref", &[&be(&[0, 1]), &atom(b"url ", &[&be(&[1])])]);
        let minf = atom(b"minf", &[&head, &atom(b"dinf", &[&dref]), &stbl]);
        atom(b"trak", &[&tkhd, &atom(b"mdia", &[&mdhd, &hdlr, &minf])])
    }
}

/// An MP4 of these tracks; `front` puts what describes it before what it holds.
pub(crate) fn mp4(tracks: &[Track], front: bool) -> Vec<u8> {
    let ftyp = atom(b"ftyp", &[b"isom\0\0\x02\0isommp41"]);
    let data: Vec<Vec<u8>> = tracks.iter().map(|track| track.samples.concat()).collect();
    let moov = |begins: usize| {
        let mut at = begins;
        let mut parts = vec![atom(
            b"mvhd",
            &[
                &be(&[0, 0, 0, 1000, 0, 0x1_0000, 0x0100_0000, 0, 0]),
                &be(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]),
                &[0; 24],
                &be(&[9]),
            ],
        )];
        for (id, (track, data)) in (1..).zip(tracks.iter().zip(&data)) {
            parts.push(track.atom(id, at as u32));
            at += data.len();
        }
        atom(b"moov", &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let mdat = atom(b"mdat", &data.iter().map(Vec::as_slice).collect::<Vec<_>>());
    match front {
        true => [ftyp.clone(), moov(ftyp.len() + moov(0).len() + 8), mdat].concat(),
        false => [ftyp.clone(), mdat, moov(ftyp.len() + 8)].concat(),
    }
}

/// A page of Ogg with one packet.
fn page(flags: u8, position: u64, number: u32, packet: &[u8]) -> Vec<u8> {
    let mut lacing = vec![255; packet.len() / 255];
    lacing.push((packet.len() % 255) as u8);
    let mut out = b"OggS\0".to_vec();
    out.push(flags);
    out.extend(position.to_le_bytes());
    out.extend(7_u32.to_le_bytes());
    out.extend(number.to_le_bytes());
    out.extend([0; 4]);
    out.push(lacing.len() as u8);
    out.extend(lacing);
    out.extend(packet);
    let crc = out.iter().fold(0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            (crc << 1) ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    });
    out[22..26].copy_from_slice(&crc.to_le_bytes());
    out
}

/// An Ogg of Opus packets of 20 ms, all of this size.
pub(crate) fn opus(packets: u32, size: usize) -> Vec<u8> {
    let mut out = page(2, 0, 0, b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0");
    out.extend(page(0, 0, 1, b"OpusTags\x01\0\0\0x\0\0\0\0"));
    let mut packet = vec![0xfc, 0xff, 0xfe];
    packet.resize(size, 0x5a);
    for number in 0..packets {
        let last = if number + 1 == packets { 4 } else { 0 };
        out.extend(page(last, u64::from(number + 1) * 960, number + 2, &packet));
    }
    out
}

/// FLAC of one channel of 16 bits, as it is, in blocks of 4096.
pub(crate) fn flac(samples: &[i16], rate: u32) -> Vec<u8> {
    let mut out = b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
    let packed = u64::from(rate) << 44 | 15 << 36 | samples.len() as u64;
    out.extend(packed.to_be_bytes());
    out.extend([0; 16]);
    for (number, block) in samples.chunks(4096).enumerate() {
        // Fixed blocks, their size in 16 bits at the end, rate and bits as in the header.
        let mut frame = vec![0xff, 0xf8, 0x70, 0x00];
        frame.extend(char::from_u32(number as u32).unwrap().to_string().as_bytes());
        frame.extend((block.len() as u16 - 1).to_be_bytes());
        frame.push(crc(&frame, 8, 0x07) as u8);
        frame.push(0x02);
        frame.extend(block.iter().flat_map(|sample| sample.to_be_bytes()));
        frame.extend((crc(&frame, 16, 0x8005) as u16).to_be_bytes());
        out.extend(frame);
    }
    out
}

fn crc(bytes: &[u8], bits: u32, polynomial: u32) -> u32 {
    let mask = (1 << bits) - 1;
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << (bits - 8), |crc: u32, _| {
            ((crc << 1) ^ if crc >> (bits - 1) & 1 == 1 { polynomial } else { 0 }) & mask
        })
    })
}

/// Frames of MP3 (layer III, 128 kbit/s, 44.1 kHz, mono) in which nothing is heard.
pub(crate) fn silent_mp3(frames: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0xc4];
    frame.resize(417, 0);
    frame.repeat(frames)
}

/// An element of Matroska, its length in eight bytes.
fn element(id: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = id.to_vec();
    out.extend((content.len() as u64 | 1 << 56).to_be_bytes());
    out.extend(content);
    out
}

/// A Matroska with PCM and with pictures, a tenth of a second in each block. It says how long it is only if asked to.
pub(crate) fn mkv(samples: &[i16], rate: u32, says: bool) -> Vec<u8> {
    let number = |id: &[u8], number: u32| element(id, &[&number.to_be_bytes()]);
    let head = element(
        b"\x1a\x45\xdf\xa3",
        &[&element(b"\x42\x82", &[b"matroska"]), &number(b"\x42\x87", 4), &number(b"\x42\x85", 2)],
    );
    let long = (samples.len() as f64 * 1000.0 / f64::from(rate)).to_be_bytes();
    let duration = if says { element(b"\x44\x89", &[&long]) } else { Vec::new() };
    let apps = [element(b"\x4d\x80", &[b"by"]), element(b"\x57\x41", &[b"hand"])].concat();
    let info =
        element(b"\x15\x49\xa9\x66", &[&number(b"\x2a\xd7\xb1", 1_000_000), &apps, &duration]);
    let sound = element(
        b"\xe1",
        &[
            &element(b"\xb5", &[&f64::from(rate).to_be_bytes()]),
            &number(b"\x9f", 1),
            &number(b"\x62\x64", 16),
        ],
    );
    let audio = element(
        b"\xae",
        &[
            &number(b"\xd7", 1),
            &number(b"\x73\xc5", 1),
            &number(b"\x83", 2),
            &element(b"\x86", &[b"A_PCM/INT/LIT"]),
            &sound,
        ],
    );
    let size = element(b"\xe0", &[&number(b"\xb0", 640), &number(b"\xba", 480)]);
    let video = element(
        b"\xae",
        &[
            &number(b"\xd7", 2),
            &number(b"\x73\xc5", 2),
            &number(b"\x83", 1),
            &element(b"\x86", &[b"V_VP8"]),
            &size,
        ],
    );
    let tracks = element(b"\x16\x54\xae\x6b", &[&audio, &video]);
    let mut body = [info, tracks].concat();
    for (index, block) in samples.chunks(rate as usize / 10).enumerate() {
        let time = number(b"\xe7", index as u32 * 100);
        let sound = element(b"\xa3", &[b"\x81\0\0\x80", &little(block)]);
        let picture = element(b"\xa3", &[b"\x82\0\0\x80", &[1; 300]]);
        body.extend(element(b"\x1f\x43\xb6\x75", &[&time, &sound, &picture]));
    }
    // A recorder that writes as it goes does not know how long it will be.
    match says {
        true => [head, element(b"\x18\x53\x80\x67", &[&body])].concat(),
        false => {
            [head, b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff".to_vec(), body].concat()
        }
    }
}

/// One of each kind, with something to hear where it can be made.
pub(crate) fn one_of_each() -> Vec<(&'static str, Vec<u8>)> {
    let tone = samples(16_000, 8000);
    vec![
        ("wave", wav(&tone, 8000)),
        ("isomp4", mp4(&[Track::video(2), Track::pcm(&tone, 8000)], true)),
        ("isomp4", mp4(&[Track::pcm(&tone, 8000)], false)),
        ("isomp4", mp4(&[Track::silent_aac(40)], true)),
        ("ogg", opus(100, 40)),
        ("flac", flac(&tone, 8000)),
        ("mp3", silent_mp3(40)),
        ("matroska", mkv(&tone, 8000, true)),
    ]
}
