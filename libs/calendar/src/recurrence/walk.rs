//! The wall times a recurrence rule gives, in order, between two wall times.

use super::{Frequency, Rule};
use crate::civil::{self, DAY, LAST_WALL};

/// One rule, laid out from one start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk<'a> {
    /// The rule.
    pub(crate) rule: &'a Rule,
    /// DTSTART as a wall time.
    pub(crate) start: i64,
    /// Whether whole days repeat: BYHOUR and the like are then without effect.
    pub(crate) all_day: bool,
    /// Last wall time permitted, UNTIL in the zone of the start.
    pub(crate) until: Option<i64>,
}

impl Walk<'_> {
    /// Calls `found` with each wall time in `from <= wall < to`, in order, until it says false.
    ///
    /// `steps` is what may be spent, about one for each day looked at; when it is spent the walk
    /// ends early and gives false.
    pub(crate) fn run(
        &self,
        from: i64,
        to: i64,
        steps: &mut u64,
        found: &mut dyn FnMut(i64) -> bool,
    ) -> bool {
        let last = self.until.map_or(LAST_WALL, |until| until.min(LAST_WALL)).min(to - 1);
        if last < self.start {
            return true;
        }
        let mut days = Days::new(self);
        // A rule with COUNT has to be counted from its start, any other can begin near the span.
        let counted = self.rule.count.is_some();
        let skip = if counted { self.start } else { from.max(self.start) };
        let mut left = self.rule.count.unwrap_or(u32::MAX);
        let mut first_day = civil::day_of(skip);
        let mut period = days.period_of(first_day);
        if counted
            && from > self.start
            && let Some(each) = days.per_period()
        {
            // So many occurrences are in every full period: the ones before the span are counted
            // without being looked at. The first period is cut off by the start.
            let target = days.period_of(civil::day_of(from.min(LAST_WALL)));
            let full = target / i64::from(self.rule.interval);
            let before = (full * each - days.before_start()).max(0);
            if full > 0 {
                match u32::try_from(before).ok().and_then(|before| left.checked_sub(before)) {
                    Some(rest) if rest > 0 => left = rest,
                    _ => return true,
                }
                period = target;
                first_day = days.span(period).0;
            }
        }
        let last_day = civil::day_of(last);
        let mut emit = |wall: i64| -> bool {
            if wall < self.start {
                return true;
            }
            if wall > last || left == 0 {
                return false;
            }
            if counted {
                left -= 1;
            }
            wall < from || found(wall)
        };
        loop {
            let (begin, end) = days.span(period);
            if begin > last_day {
                return true;
            }
            period += i64::from(self.rule.interval);
            if self.rule.by_position.is_empty() {
                let Some(spent) = steps.checked_sub(1) else { return false };
                *steps = spent;
                let mut day = begin.max(first_day);
                while day < end.min(last_day + 1) {
                    day = days.next(day, end.min(last_day + 1), steps);
                    if *steps == 0 {
                        return false;
                    }
                    if day >= end.min(last_day + 1) {
                        break;
                    }
                    for time in &days.times {
                        if !emit(day * DAY + time) {
                            return true;
                        }
                    }
                    day += 1;
                }
            } else {
                let mut matching = Vec::new();
                let mut day = begin;
                while day < end {
                    day = days.next(day, end, steps);
                    if *steps == 0 {
                        return false;
                    }
                    if day < end {
                        matching.push(day);
                    }
                    day += 1;
                }
                for wall in days.positions(&matching) {
                    if !emit(wall) {
                        return true;
                    }
                }
                let Some(spent) = steps.checked_sub(1) else { return false };
                *steps = spent;
            }
        }
    }
}

/// The rule as masks, which a day either passes or does not.
struct Days<'a> {
    rule: &'a Rule,
    start_day: i64,
    start_year: i64,
    start_month: i64,
    months: u16,
    weekdays: u8,
    ordinals: Vec<(i64, u8)>,
    month_days: u32,
    month_days_back: u32,
    /// Whether the ordinals count within the year.
    in_year: bool,
    /// Whether the date of a day is needed at all.
    dated: bool,
    times: Vec<i64>,
}

impl<'a> Days<'a> {
    fn new(walk: &Walk<'a>) -> Self {
        let rule = walk.rule;
        let start_day = civil::day_of(walk.start);
        let (start_year, start_month, start_date) = civil::ymd(start_day);
        let mut days = Self {
            rule,
            start_day,
            start_year,
            start_month,
            months: 0,
            weekdays: 0,
            ordinals: Vec::new(),
            month_days: 0,
            month_days_back: 0,
            in_year: rule.frequency == Frequency::Yearly && rule.by_month.is_empty(),
            dated: false,
            times: times(walk),
        };
        for month in &rule.by_month {
            days.months |= 1 << month.clamp(&0, &15);
        }
        for date in &rule.by_month_day {
            let bit = 1_u32 << date.unsigned_abs().min(31);
            if *date > 0 { days.month_days |= bit } else { days.month_days_back |= bit }
        }
        for (ordinal, weekday) in &rule.by_day {
            // An ordinal has a meaning within months and years only.
            let counts = matches!(rule.frequency, Frequency::Yearly | Frequency::Monthly);
            if *ordinal == 0 || !counts {
                days.weekdays |= 1 << weekday.min(&7);
            } else {
                days.ordinals.push((i64::from(*ordinal), *weekday));
            }
        }
        let unsaid = rule.by_week.is_empty()
            && rule.by_year_day.is_empty()
            && rule.by_month_day.is_empty()
            && rule.by_day.is_empty();
        if unsaid {
            match rule.frequency {
                Frequency::Yearly => {
                    if rule.by_month.is_empty() {
                        days.months = 1 << start_month.clamp(0, 15);
                    }
                    days.month_days = 1 << start_date.clamp(0, 31);
                }
                Frequency::Monthly => days.month_days = 1 << start_date.clamp(0, 31),
                Frequency::Weekly => days.weekdays = 1 << civil::weekday(start_day),
                Frequency::Daily => {}
            }
        }
        days.dated = days.months != 0
            || days.month_days != 0
            || days.month_days_back != 0
            || !days.ordinals.is_empty()
            || !rule.by_year_day.is_empty();
        days
    }

    /// The number of the period in which a day lies; the last one of the rule at or before it.
    fn period_of(&self, day: i64) -> i64 {
        let (year, month, _) = civil::ymd(day);
        let (week, start) = (self.week_of(day), self.week_of(self.start_day));
        let number = match self.rule.frequency {
            Frequency::Yearly => year - self.start_year,
            Frequency::Monthly => (year - self.start_year) * 12 + month - self.start_month,
            Frequency::Weekly => (week - start) / 7,
            Frequency::Daily => day - self.start_day,
        };
        number - number.rem_euclid(i64::from(self.rule.interval))
    }

    /// How many occurrences every full period has, where all have the same number.
    fn per_period(&self) -> Option<i64> {
        let rule = self.rule;
        let plain = !self.dated
            && rule.by_week.is_empty()
            && rule.by_position.is_empty()
            && self.times.len() == 1
            && rule.by_hour.is_empty()
            && rule.by_minute.is_empty()
            && rule.by_second.is_empty();
        match rule.frequency {
            Frequency::Daily if plain && self.weekdays == 0 => Some(1),
            Frequency::Weekly if plain => Some(i64::from(self.weekdays.count_ones())),
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly => None,
        }
    }

    /// How many days of the first period are before the start and would pass.
    fn before_start(&self) -> i64 {
        let (begin, _) = self.span(0);
        let count = (begin..self.start_day).filter(|day| self.is_weekday(*day)).count();
        i64::try_from(count).unwrap_or(0)
    }

    fn week_of(&self, day: i64) -> i64 {
        civil::first_day_of_week(day, self.rule.week_start)
    }

    /// First day of a period, and first day after it.
    fn span(&self, period: i64) -> (i64, i64) {
        match self.rule.frequency {
            Frequency::Yearly => {
                let year = self.start_year + period;
                (civil::day(year, 1, 1), civil::day(year + 1, 1, 1))
            }
            Frequency::Monthly => {
                let month = self.start_month + period;
                (civil::day(self.start_year, month, 1), civil::day(self.start_year, month + 1, 1))
            }
            Frequency::Weekly => {
                let first = self.week_of(self.start_day) + period * 7;
                (first, first + 7)
            }
            Frequency::Daily => (self.start_day + period, self.start_day + period + 1),
        }
    }

    /// The first day at or after `day` that passes, or `end`.
    fn next(&mut self, mut day: i64, end: i64, steps: &mut u64) -> i64 {
        while day < end {
            let Some(spent) = steps.checked_sub(1) else { return end };
            *steps = spent;
            if self.weekdays != 0 && self.ordinals.is_empty() && !self.is_weekday(day) {
                day += 1;
                continue;
            }
            if !self.dated {
                if self.passes_week(day) {
                    return day;
                }
                day += 1;
                continue;
            }
            let (year, month, date) = civil::ymd(day);
            if self.months != 0 && self.months & (1 << month) == 0 {
                // The rest of the month cannot pass either.
                day += civil::month_length(year, month) - date + 1;
                continue;
            }
            if self.passes(day, year, month, date) && self.passes_week(day) {
                return day;
            }
            day += 1;
        }
        end
    }

    fn is_weekday(&self, day: i64) -> bool {
        self.weekdays & (1 << civil::weekday(day)) != 0
    }

    fn passes_week(&self, day: i64) -> bool {
        self.rule.by_week.is_empty() || {
            let (_, week, weeks) = civil::week(day, self.rule.week_start);
            self.rule.by_week.iter().any(|number| {
                let number = i64::from(*number);
                number == week || number == week - weeks - 1
            })
        }
    }

    fn passes(&self, day: i64, year: i64, month: i64, date: i64) -> bool {
        let length = civil::month_length(year, month);
        if (self.month_days != 0 || self.month_days_back != 0)
            && self.month_days & (1 << date) == 0
            && self.month_days_back & (1 << (length - date + 1)) == 0
        {
            return false;
        }
        let year_day = day - civil::day(year, 1, 1) + 1;
        let year_length = civil::year_length(year);
        if !self.rule.by_year_day.is_empty()
            && !self.rule.by_year_day.iter().any(|number| {
                let number = i64::from(*number);
                number == year_day || number == year_day - year_length - 1
            })
        {
            return false;
        }
        if self.ordinals.is_empty() || (self.weekdays != 0 && self.is_weekday(day)) {
            return true;
        }
        let weekday = civil::weekday(day);
        let (nth, nth_back) = if self.in_year {
            ((year_day - 1) / 7 + 1, (year_length - year_day) / 7 + 1)
        } else {
            ((date - 1) / 7 + 1, (length - date) / 7 + 1)
        };
        self.ordinals
            .iter()
            .any(|(ordinal, on)| *on == weekday && (*ordinal == nth || -*ordinal == nth_back))
    }

    /// The wall times at the positions of BYSETPOS among all of a period.
    fn positions(&self, matching: &[i64]) -> Vec<i64> {
        let count = matching.len() * self.times.len();
        let mut walls: Vec<i64> = self
            .rule
            .by_position
            .iter()
            .filter_map(|position| {
                let size = usize::from(position.unsigned_abs());
                let index =
                    if *position > 0 { size.checked_sub(1)? } else { count.checked_sub(size)? };
                let day = matching.get(index.checked_div(self.times.len())?)?;
                let time = self.times.get(index.checked_rem(self.times.len())?)?;
                Some(day * DAY + time)
            })
            .collect();
        walls.sort_unstable();
        walls.dedup();
        walls
    }
}

/// Times of the day the rule gives, in seconds, in order.
fn times(walk: &Walk<'_>) -> Vec<i64> {
    if walk.all_day {
        return vec![0];
    }
    let time = walk.start.rem_euclid(DAY);
    let rule = walk.rule;
    let or = |list: &[i16], own: i64| -> Vec<i64> {
        if list.is_empty() {
            vec![own]
        } else {
            list.iter().map(|value| i64::from(*value)).collect()
        }
    };
    let hours = or(&rule.by_hour, time / 3_600);
    let minutes = or(&rule.by_minute, time / 60 % 60);
    let seconds = or(&rule.by_second, time % 60);
    let mut times: Vec<i64> = Vec::new();
    for hour in &hours {
        for minute in &minutes {
            for second in &seconds {
                times.push(hour * 3_600 + minute * 60 + second.min(&59));
            }
        }
    }
    times.sort_unstable();
    times.dedup();
    times
}
