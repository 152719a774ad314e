import { expect, it } from "vitest";
import { sampleReport } from "../../../../test/support/sample-report.js";
import { doctorJunit } from "./doctor-junit.js";

const name = String.raw`CN=&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#60;img src=x onerror=alert(2)&#62;\u202egro.elpmaxe &#38; &#39;x&#39;`;

it("is a suite for each family and a case for each check, told as the exit code counts", () => {
  expect(doctorJunit(sampleReport(), "error")).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="spire-keylime doctor" tests="5" failures="1" errors="0" skipped="2" time="0.813">
  <testsuite name="Files and who may read them" tests="1" failures="0" errors="0" skipped="0" time="0" timestamp="2026-11-25T05:00:00">
    <testcase classname="doctor.files" name="key-too-open: keys are closed" time="0">
    </testcase>
  </testsuite>
  <testsuite name="Certificates and trust" tests="3" failures="1" errors="0" skipped="1" time="0" timestamp="2026-11-25T05:00:00">
    <testcase classname="doctor.certificates" name="ca-wrong: every CA file is the right one" time="0">
      <failure type="error" message="the verifier does not trust ${name}">the verifier does not trust ${name}
- issued by ${name} (/etc/spire/server.conf:30)
- the certificate that is presented
- asked live (/etc/keylime/verifier.conf:14)
fix: configure the CA
  cp &#34;a &#38; b&#34; &#60;c&#62;</failure>
    </testcase>
    <testcase classname="doctor.certificates" name="cert-expires-soon: no certificate ends soon" time="0">
      <system-out>warning: /etc/c.crt ends in 2 hours</system-out>
    </testcase>
    <testcase classname="doctor.certificates" name="cert-weak: nothing is weak" time="0">
      <skipped message="skipped: no certificate"/>
    </testcase>
  </testsuite>
  <testsuite name="The node and its Keylime agent" tests="1" failures="0" errors="0" skipped="1" time="0" timestamp="2026-11-25T05:00:00">
    <testcase classname="doctor.node" name="agent-failed: attestation goes on" time="0">
      <skipped message="unknown: no UUID"/>
    </testcase>
  </testsuite>
</testsuites>
`);
});

it("makes a failure of a warning where warnings count", () => {
  const text = doctorJunit(sampleReport(), "warning");
  expect(text).toContain('<testsuites name="spire-keylime doctor" tests="5" failures="2"');
  expect(text).toContain('<failure type="warning" message="/etc/c.crt ends in 2 hours">');
});
