"""What the usual dashboards and rules about blackbox_exporter ask Prometheus, each by its source.

Variables of Grafana's (`$job`, `$instance`, `$target`, `$phase`) stand for everything here, and
`label_values(METRIC, LABEL)` is `group by (LABEL) (METRIC)`. Rules are split before the threshold
that a target of the tests does not exceed.
"""

DASHBOARDS: dict[str, list[str]] = {
    "grafana.com/dashboards/7587, Prometheus Blackbox Exporter": [
        "group by (instance) (probe_success)",
        'probe_success{instance=~".+"}',
        'probe_duration_seconds{instance=~".+"}',
        'probe_http_duration_seconds{instance=~".+"}',
        'probe_http_status_code{instance=~".+"}',
        'probe_http_version{instance=~".+"}',
        'probe_http_ssl{instance=~".+"}',
        'probe_ssl_earliest_cert_expiry{instance=~".+"} - time()',
        'avg(probe_duration_seconds{instance=~".+"})',
        'avg(probe_dns_lookup_time_seconds{instance=~".+"})',
    ],
    "grafana.com/dashboards/13659, Blackbox Exporter (HTTP prober)": [
        "group by (job) (probe_success)",
        'group by (instance) (probe_success{job=~".+"})',
        'probe_success{job=~".+", instance=~".+"}',
        'probe_http_ssl{job=~".+", instance=~".+"} > 0',
        '(probe_ssl_earliest_cert_expiry{job=~".+", instance=~".+"} - time()) / 3600 / 24',
        'probe_http_status_code{job=~".+", instance=~".+"} > 0',
        'probe_tls_version_info{job=~".+", instance=~".+"}',
        'probe_http_duration_seconds{job=~".+", instance=~".+"}',
        'sum(probe_http_duration_seconds{job=~".+", instance=~".+"}) by (instance)',
        'avg_over_time(probe_duration_seconds{job=~".+", instance=~".+"}[1m])',
        'avg_over_time(probe_dns_lookup_time_seconds{job=~".+", instance=~".+"}[1m])',
    ],
    "grafana.com/dashboards/14928, Prometheus Blackbox Exporter": [
        "group by (phase) (probe_http_duration_seconds)",
        'probe_ip_protocol{instance=~".+"}',
        'probe_tls_version_info{instance=~".+"}',
        'probe_http_duration_seconds{instance=~".+", phase=~".+"}',
        'avg(probe_duration_seconds{instance=~".+"}) by (instance)',
        'avg(probe_dns_lookup_time_seconds{instance=~".+"}) by (instance)',
    ],
    "grafana.com/dashboards/11175, Blackbox Exporter Overview": [
        'probe_dns_lookup_time_seconds{instance=~".+"}',
        'probe_ssl_earliest_cert_expiry{instance=~".+"}-time()',
    ],
    "grafana.com/dashboards/11529, Blackbox Exporter Quick Overview": [
        "probe_dns_lookup_time_seconds",
        "probe_ssl_earliest_cert_expiry-time()",
        "- probe_success",
    ],
    "grafana.com/dashboards/9965, Blackbox Exporter Dashboard": [
        "count_values('value',probe_http_status_code)",
        "count_values('value',probe_success{job=~'.+'})",
        "sum by (phase) (probe_http_duration_seconds{job=~'.+',instance=~'.+'})",
        "sum by (phase) (probe_icmp_duration_seconds{job=~'.+',instance=~'.+'})",
        'probe_http_ssl{instance=~".+"} - 0',
        'probe_http_status_code{instance=~".+"} - 0',
    ],
    "github.com/adinhodovic/blackbox-exporter-mixin, dashboard": [
        'max by (instance) (probe_success{job=~".+"})',
        'count(probe_success{job=~".+"})',
        '(count(probe_success{job=~".+"} == 1) OR vector(0)) / count(probe_success{job=~".+"})',
        'count(probe_http_ssl{job=~".+"} == 1) / count(probe_http_version{job=~".+"})',
        'avg(probe_duration_seconds{job=~".+"})',
        'avg_over_time(probe_success{job=~".+", instance=~".+"}[30d])',
        'max by (instance) (probe_http_status_code{job=~".+", instance=~".+"})',
        'max by (instance) (probe_http_ssl{job=~".+", instance=~".+"})',
        'max by (instance,version) (probe_tls_version_info{job=~".+", instance=~".+"})',
        'min by (instance) (probe_ssl_earliest_cert_expiry{job=~".+", instance=~".+"} - time())',
        'max by (instance) (probe_http_redirects{job=~".+", instance=~".+"})',
        'max by (instance) (probe_http_version{job=~".+", instance=~".+"})',
        'avg by (instance) (probe_dns_lookup_time_seconds{job=~".+", instance=~".+"})',
        "sum by (instance) (avg by (phase,instance) "
        '(probe_http_duration_seconds{job=~".+", instance=~".+"}))',
        'avg(probe_http_duration_seconds{job=~".+", instance=~".+"}) by (phase)',
        'avg(probe_icmp_duration_seconds{job=~".+", instance=~".+"}) by (phase)',
    ],
}

_EXPIRES = "round((last_over_time(probe_ssl_earliest_cert_expiry[10m]) - time()) / 86400, 0.1)"

RULES: dict[str, dict[str, tuple[str, str]]] = {
    "github.com/samber/awesome-prometheus-alerts, blackbox": {
        "BlackboxProbeFailed": ("probe_success == 0", ""),
        "BlackboxConfigurationReloadFailure": (
            "blackbox_exporter_config_last_reload_successful",
            " != 1",
        ),
        "BlackboxSlowProbe": ("probe_duration_seconds", " > 1"),
        "BlackboxProbeHttpFailure": (
            "probe_http_status_code <= 199 OR probe_http_status_code >= 400",
            "",
        ),
        "BlackboxSslCertificateWillExpireSoon": (f"3 <= {_EXPIRES} < 20", ""),
        "BlackboxSslCertificateWillExpireVerySoon": (f"0 <= {_EXPIRES} < 3", ""),
        "BlackboxSslCertificateExpired": (f"{_EXPIRES} < 0", ""),
        "BlackboxProbeSlowHttp": ("probe_http_duration_seconds", " > 1"),
        "BlackboxProbeSlowPing": ("probe_icmp_duration_seconds", " > 1"),
    },
    "github.com/samber/awesome-prometheus-alerts, blackbox, as it was before 2024": {
        "BlackboxSlowProbe": ("avg_over_time(probe_duration_seconds[1m])", " > 1"),
        "BlackboxProbeSlowHttp": ("avg_over_time(probe_http_duration_seconds[1m])", " > 1"),
        "BlackboxProbeSlowPing": ("avg_over_time(probe_icmp_duration_seconds[1m])", " > 1"),
        "BlackboxSslCertificateExpired": ("probe_ssl_earliest_cert_expiry - time() <= 0", ""),
    },
    "github.com/adinhodovic/blackbox-exporter-mixin, alerts": {
        "BlackboxProbeFailed": ('probe_success{job=~".+"} == 0', ""),
        "BlackboxLowUptime30d": ('avg_over_time(probe_success{job=~".+"}[30d]) * 100 < 99.9', ""),
        "BlackboxSslCertificateWillExpireSoon": (
            'probe_ssl_earliest_cert_expiry{job=~".+"} - time() < 21 * 24 * 3600',
            "",
        ),
    },
}
