//! A script that ticks.

use everhall::prelude::*;
use serde::{Deserialize, Serialize};

/// The sea. How often it ticks is said in `lib.rs`.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tides {
    high: bool,
}

impl ScriptType for Tides {
    const TYPE: &'static str = "tides";

    fn on_tick(&mut self, cx: &mut ScriptCx) {
        self.high = !self.high;
        let tide = if self.high { "comes in" } else { "goes out" };
        cx.announce(text!("Far below, the tide {}.", tide));
    }
}
