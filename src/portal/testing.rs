//! Settings for tests of the portal.

use crate::config::LimitsConfig;

/// Returns the documented defaults.
pub(crate) fn limits() -> LimitsConfig {
    LimitsConfig {
        line_bytes: 4096,
        waiting_lines: 256,
        waiting_bytes: 65536,
        input_bytes_per_sec: 1_048_576,
        output_bytes: 1_048_576,
        connections: 4096,
        connections_per_address: 32,
        login_secs: 600,
        subnegotiation_bytes: 8192,
        resume_secs: 120,
    }
}
