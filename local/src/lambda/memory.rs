/// The most memory a process has had resident, in MB rounded up. Known on Linux only.
pub(super) fn peak_megabytes(pid: u32) -> Option<u64> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = kilobytes.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes.div_ceil(1_024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_rounded_up_to_whole_megabytes() {
        assert_eq!(
            parse("Name:\tx\nVmHWM:\t   10241 kB\nVmRSS:\t 1 kB\n"),
            Some(11)
        );
        assert_eq!(parse("Name:\tx\n"), None);
    }
}
