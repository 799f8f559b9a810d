//! What can be typed after `callsheet demo`.

use clap::Args;

use super::Printed;

pub(super) const ABOUT: &str = "Play days of an example company on a simulated clock, from the calendar to the recording.

Meetings, telephone calls and uploads of a made-up company go through the real services in this process, and bots \
carry the plans out over the stream that bots of your own would use. The same seed tells the same story, at every speed. \
Nothing is stored, and nothing leaves this machine.";

const EXAMPLES: &str = "Examples:
  callsheet demo
  callsheet demo --seed 7 --days 5
  callsheet demo --speed 600
  callsheet demo --json | jq -r 'select(.event == \"ended\") | .skip_code'

Times are those of the simulated clock. The last lines count what became of the calls; with `--json`
the last object has the one key `summary`.";

/// Plays.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Demo {
    /// What chance follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Working days to play, at most 100
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=100)
    )]
    pub(crate) days: u32,
    /// Simulated seconds in a second, as in `600`; as fast as it goes if absent
    #[arg(long, value_name = "N", value_parser = speed)]
    pub(crate) speed: Option<f64>,
    /// One object per line, as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// Reads a speed: slower than life is not worth watching.
fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed| (1.0..=1_000_000.0).contains(speed))
        .ok_or_else(|| "it is a number from 1 to 1000000, such as `600`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_that_time_can_pass_at() {
        assert_eq!(speed("600").ok(), Some(600.0));
        for wrong in ["0", "-1", "nan", "inf", "fast", "1e9", ""] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
