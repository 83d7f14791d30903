//! One file a command.

pub mod eval;
pub mod info;
pub mod models;
pub mod train;
pub mod translate;

use simurgh_nn::burn::tensor::Device;

/// The device that the program was built for.
pub fn device() -> Device {
    #[cfg(feature = "cuda")]
    return Device::cuda(0);
    #[cfg(all(feature = "metal", not(feature = "cuda")))]
    return Device::metal(simurgh_nn::burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(all(feature = "vulkan", not(any(feature = "cuda", feature = "metal"))))]
    return Device::vulkan(simurgh_nn::burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(all(feature = "wgpu", not(any(feature = "cuda", feature = "metal", feature = "vulkan"))))]
    return Device::wgpu(simurgh_nn::burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(not(any(feature = "cuda", feature = "metal", feature = "vulkan", feature = "wgpu")))]
    Device::flex()
}
