//! Sound: samples from WAV files and raw PCM, other rates brought to one, and log-mel features, all as the samples arrive.

mod clips;
mod features;
mod mel;
mod resample;
mod wav;

pub use clips::{Clip, Span, read_clips};
pub use features::{Features, FeaturesConfig};
pub use resample::Resampler;
pub use wav::{Pcm, Reader, beyond_full_scale, read_wav, write_wav};
