//! What players can type here, besides what the engine knows.

mod toast;

pub use toast::Toast;
