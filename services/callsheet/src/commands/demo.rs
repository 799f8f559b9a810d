//! `callsheet demo`: days of an example company, played on a simulated clock by the services in this process.

use crate::args::{Demo, Format, Printed};
use crate::demo::{self, Settings};
use crate::error::Error;
use crate::output::Output;

pub(crate) async fn run(arguments: &Demo) -> Result<(), Error> {
    let Demo { seed, days, speed, json, printed } = *arguments;
    let printed = if json { Printed { format: Format::Json } } else { printed };
    demo::play(Settings { seed, days, speed }, Output::new(printed)).await
}
